"""The processors as the kernel describes them: model, siblings, frequency policy, virtual or not, clock.

Every fact is either known or a sentence that begins with "not observable".
"""

from typing import Final

from loopbench.measure.kernel_files import KernelFiles, NotObservableError

CPU_FOLDER: Final = "sys/devices/system/cpu"
NOT_OBSERVABLE: Final = "not observable"


def not_observable(reason: object) -> str:
    """Returns the text of a fact that is not known."""
    return f"{NOT_OBSERVABLE}: {reason}"


def model(files: KernelFiles) -> str:
    """Name of the processor, as its maker gives it."""
    try:
        lines = files.text("proc/cpuinfo").splitlines()
    except NotObservableError as problem:
        return not_observable(problem)
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, not_observable("/proc/cpuinfo has no model name"))


def siblings(files: KernelFiles, core: int) -> str:
    """Which logical processors share this one's core ("0,4"): two busy ones on one core slow each other down."""
    return _fact(files, f"{CPU_FOLDER}/cpu{core}/topology/thread_siblings_list")


def governor(files: KernelFiles, core: int) -> str:
    """Frequency policy: "performance" holds the clock, "powersave" and "schedutil" move it with the load."""
    return _fact(files, f"{CPU_FOLDER}/cpu{core}/cpufreq/scaling_governor")


def frequency_khz(files: KernelFiles, core: int) -> str:
    """Lowest and highest clock the policy allows, as "800000-3600000"."""
    lowest, highest = (_fact(files, f"{CPU_FOLDER}/cpu{core}/cpufreq/scaling_{end}_freq") for end in ("min", "max"))
    return highest if highest.startswith(NOT_OBSERVABLE) else f"{lowest}-{highest}"


def turbo(files: KernelFiles) -> str:
    """Whether the clock may rise above its rated value: "on", "off" or unknown."""
    for path, on in ((f"{CPU_FOLDER}/intel_pstate/no_turbo", "0"), (f"{CPU_FOLDER}/cpufreq/boost", "1")):
        try:
            return "on" if files.text(path) == on else "off"
        except NotObservableError:
            continue
    return not_observable("the kernel has no switch for it here, as on most virtual machines")


def virtualisation(files: KernelFiles) -> str:
    """The machine's maker where it is a virtual one, "none found" on bare metal."""
    maker = _fact(files, "sys/class/dmi/id/sys_vendor")
    if is_virtual(files):
        return "virtual machine" if maker.startswith(NOT_OBSERVABLE) else f"virtual machine ({maker})"
    return "none found"


def is_virtual(files: KernelFiles) -> bool:
    """Whether there is a hypervisor: the processor's flag (x86), or /sys/hypervisor (Xen, some ARM)."""
    try:
        flags = next((line for line in files.read("proc/cpuinfo").splitlines() if line.startswith(b"flags")), b"")
    except NotObservableError:
        flags = b""
    return b" hypervisor" in flags or bool(files.names("sys/hypervisor"))


def clock_source(files: KernelFiles) -> str:
    """What the kernel reads the time from: "tsc" is a register, "hpet" and "acpi_pm" are devices and slow."""
    return _fact(files, "sys/devices/system/clocksource/clocksource0/current_clocksource")


def _fact(files: KernelFiles, path: str) -> str:
    try:
        return files.text(path)
    except NotObservableError as problem:
        return not_observable(problem)
