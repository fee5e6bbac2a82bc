"""What a line calls is recognised by its frame or its text, and the advice fits it."""

import pytest

from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.diagnosis.remedies import CALLS, OF_A_ROUTE, TO_A_PROCESS, UNKNOWN, call_of, for_line
from tests.judge.figures import line

SITE = "/env/lib/python3.11/site-packages"
STDLIB = "/usr/lib/python3.11"

TEXTS = [
    ("    time.sleep(0.1)", "time.sleep"),
    ("    with open(path, 'wb') as file:", "file"),
    ("    os.fsync(file.fileno())", "file"),
    ("    rows = cursor.execute(QUERY).fetchall()", "database driver that blocks"),
    ("    digest = hashlib.pbkdf2_hmac('sha256', word, salt, 10**6)", "call into C that computes"),
    ("    body = json.dumps(rows)", "serialisation"),
    ("    lock.acquire()", "lock or result waited for"),
    ("    data = connection.recv(4096)", "socket"),
    ("    subprocess.run(command)", "subprocess"),
    ("    total += number * number", None),
    ("    text = ','.join(words)", None),
    ("    thread.join()", "lock or result waited for"),
    ("    with LOCK:", "lock or result waited for"),
    ("    with self._lock, other:", "lock or result waited for"),
    ("    with blocks as text:", None),
    ("    answer = SESSION.get(url)", "HTTP client that blocks"),
    ("    answer = session.post(url)", "HTTP client that blocks"),
]
FRAMES = [
    (f"{SITE}/requests/sessions.py", "send", "HTTP client that blocks"),
    (f"{STDLIB}/urllib/request.py", "urlopen", "HTTP client that blocks"),
    (f"{SITE}/psycopg/connection.py", "wait", "database driver that blocks"),
    (f"{STDLIB}/ssl.py", "create_default_context", "TLS context"),
    (f"{STDLIB}/subprocess.py", "_try_wait", "subprocess"),
    (f"{STDLIB}/json/encoder.py", "iterencode", "serialisation"),
    (f"{SITE}/fastapi/encoders.py", "jsonable_encoder", "serialisation"),
    (f"{STDLIB}/threading.py", "wait", "lock or result waited for"),
    (f"{STDLIB}/socket.py", "readinto", "socket"),
    (f"{STDLIB}/re/__init__.py", "match", "call into C that computes"),
    (f"{SITE}/fakeclient/client.py", "ask", None),
]


@pytest.mark.parametrize(("text", "name"), TEXTS)
def test_a_call_without_a_frame_is_known_by_its_text(text: str, name: str | None) -> None:
    call = call_of(line(text))
    assert (call and call.name) == name


@pytest.mark.parametrize(("file", "function", "name"), FRAMES)
def test_a_call_into_python_is_known_by_its_innermost_frame(file: str, function: str, name: str | None) -> None:
    call = call_of(line(inner_file=file, inner_line=3, inner_function=function))
    assert (call and call.name) == name


def test_what_ends_in_a_socket_is_known_by_its_text() -> None:
    call = call_of(line("    with urlopen(url) as answer:", inner_file=f"{STDLIB}/socket.py", inner_line=706))
    assert call is not None
    assert call.name == "HTTP client that blocks"


def test_a_frame_that_says_enough_is_believed_before_the_text() -> None:
    text = "    client = httpx.get(url)"
    call = call_of(line(text, inner_file=f"{STDLIB}/ssl.py", inner_line=3, inner_function="create_default_context"))
    assert call is not None
    assert call.name == "TLS context"


def test_an_unknown_line_that_computes_goes_to_a_process_and_one_that_waits_to_a_thread() -> None:
    assert for_line(line(cpu_s=7.9)) == TO_A_PROCESS
    assert for_line(line(cpu_s=0.1)) == UNKNOWN
    assert for_line(line(cpu_s=None)) == UNKNOWN


def test_an_answer_in_the_making_is_no_call_of_the_endpoint() -> None:
    near = line(owner=Owner.NEAR, inner_file=f"{SITE}/anything/render.py", inner_line=3, cpu_s=7.9)
    assert for_line(near)[0] == OF_A_ROUTE


def test_the_first_advice_names_the_call() -> None:
    assert for_line(line("    time.sleep(1)"))[0] == "time.sleep: await asyncio.sleep(...)"


def test_every_call_has_advice() -> None:
    assert all(call.advice for call in CALLS)


def test_a_line_that_waits_does_not_compute_in_c_and_one_that_computes_waits_for_no_lock() -> None:
    search = line("    found = index.search(words)", cpu_s=0.1)
    joined = line("    thread.join()", cpu_s=7.9)
    assert for_line(search) == UNKNOWN
    assert for_line(joined) == TO_A_PROCESS


def test_the_folder_an_environment_lies_in_is_no_package() -> None:
    assert (
        call_of(line(inner_file=f"/srv/redis{SITE}/fakeclient/client.py", inner_line=3, inner_function="ask")) is None
    )
