"""What to do about a line that holds the loop: what it calls, and what to call instead.

What a line calls is known from the innermost frame, if one is written in Python, and from the line's own text: a call
into C (`time.sleep`, `hashlib.scrypt`) leaves no frame, and many things end in a socket or a lock.
"""

import re
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner

AWAITED: Final = r"\bawait\b|\basync (with|for)\b"
"""A line whose text has it hands its call to the loop, so the text names no call that blocks."""
COMPUTES_FROM: Final = 0.5  # share of CPU from which a line counts as computing

TO_A_THREAD: Final = (
    "a plain `def` endpoint runs in anyio's threads (40 at once)",
    "or await run_in_threadpool(...) around this call alone",
)
TO_A_PROCESS: Final = (
    "give it to a ProcessPoolExecutor made in the lifespan (loop.run_in_executor), or to anyio.to_process",
    "a thread keeps the other routes alive, but adds no throughput: one GIL",
)


@dataclass(frozen=True, slots=True)
class Call:
    """A kind of call that holds a loop."""

    name: str  # as a reader should see it
    frame: str  # pattern of the innermost file and function, `/site-packages/requests/sessions.py:send`
    text: str  # pattern of the source line
    advice: tuple[str, ...]  # what to do, the best first
    is_means: bool = False  # other calls end in frames like these, so the line's text is asked before them
    # whether it uses the processor; a line that does the opposite does not make it. None: either
    computes: bool | None = None


CALLS: Final = (
    Call(
        "TLS context",
        r"ssl\.py:(create_default_context|load_default_certs|__new__|load_verify)|/(httpx|httpcore)/_config\.py:"
        r"|/certifi/",
        r"create_default_context|httpx\.(Async)?Client\(|requests\.Session\(|aiohttp\.ClientSession\(",
        ("make one client in the lifespan and share it: a client a request builds a TLS context each time",),
    ),
    Call(
        "time.sleep",
        r"^$",
        r"\b(time\.)?sleep\s*\(",
        ("await asyncio.sleep(...)", *TO_A_THREAD),
        computes=False,
    ),
    Call(
        "HTTP client that blocks",
        r"/(requests|urllib3|httplib2)/|/urllib/request\.py:|/http/client\.py:|/httpcore/_sync/|/httpx/_transports/default\.py:handle_request",
        r"(?i:\b\w*(requests|urllib3|httpx|session)(\(\))?)\.(get|post|put|patch|delete|head|request)\b"
        r"|urlopen\(|HTTPS?Connection\(",
        ("await one httpx.AsyncClient, made in the lifespan", *TO_A_THREAD),
    ),
    Call(
        "loading of ORM objects",
        r"/sqlalchemy/orm/(loading|strategies|context|query|session)\.py:",
        r"$^",
        (
            "load fewer rows, or columns instead of objects: select(Model.id, Model.name), .limit(...)",
            "for related objects one query instead of one per object (selectinload)",
        ),
        computes=True,
    ),
    Call(
        "database driver that blocks",
        r"/(psycopg2?|pymysql|MySQLdb|sqlite3|sqlalchemy|pymongo|redis|cx_Oracle|oracledb|peewee)/|/peewee\.py:",
        r"sqlite3|psycopg|\.(execute|executemany|executescript|commit|fetchall|fetchone)\s*\(",
        (
            "an async driver (asyncpg, psycopg's AsyncConnection, aiosqlite) with a pool made in the lifespan",
            *TO_A_THREAD,
        ),
    ),
    Call(
        "subprocess",
        r"/subprocess\.py:",
        r"\bsubprocess\.|os\.system\(|os\.popen\(|check_output\(",
        ("await asyncio.create_subprocess_exec(...)", *TO_A_THREAD),
    ),
    Call(
        "result of a coroutine",
        r"^$",
        r"run_coroutine_threadsafe|\bfuture\.result\s*\(",
        (
            "await the coroutine itself: while the loop waits here, it cannot make the result",
            "await asyncio.wrap_future(...) for a result that a thread makes",
        ),
        computes=False,
    ),
    Call(
        "lock or result waited for",
        r"/threading\.py:|/concurrent/futures/|/queue\.py:|/multiprocessing/",
        r"\.acquire\s*\(|\.result\s*\(|\.join\s*\(\s*(timeout|\)|\d)|\.wait\s*\(|\.get\s*\(\s*timeout"
        r"|(?i:\bwith\b.*(?:\b|_|r)lock\b)",
        (
            "asyncio.Lock or asyncio.Queue",
            "await asyncio.wrap_future(...) for a result of concurrent.futures",
        ),
        is_means=True,
        computes=False,
    ),
    Call(
        "socket",
        r"/(socket|ssl|socketserver|ftplib|smtplib|imaplib)\.py:",
        r"\.(recv|send|sendall|connect|accept)\s*\(|getaddrinfo|gethostby",
        ("asyncio streams (asyncio.open_connection), or an async client for this protocol", *TO_A_THREAD),
        is_means=True,
        computes=False,
    ),
    Call(
        "file",
        r"/(pathlib|tempfile|shutil|fileinput|zipfile|tarfile|gzip|_pyio)\.py:|/pathlib/",
        r"\bopen\s*\(|\.(write|read|readlines|writelines|flush|write_text|read_text|write_bytes|read_bytes)\s*\("
        r"|fsync|shutil\.|os\.(remove|rename|listdir|walk|stat)",
        (*TO_A_THREAD, "aiofiles, if there are few and large operations: each is a hop to a thread"),
    ),
    Call(
        "template",
        r"/(jinja2|mako|chameleon)/",
        r"TemplateResponse\(|\.render\s*\(",
        (
            "render less: pages, fragments, or a cache of the rendered part",
            "a plain `def` endpoint renders in a thread",
        ),
        computes=True,
    ),
    Call(
        "serialisation",
        r"/json/|/(pydantic|pydantic_core|orjson|simplejson|msgpack)/|/fastapi/(encoders|_compat)"
        r"|/fastapi/routing\.py:serialize_response|/starlette/responses\.py:render",
        r"json\.(dumps?|loads?)|model_(dump|validate)|jsonable_encoder|pickle\.|yaml\.",
        (
            "answer less at a time: pages, or a StreamingResponse",
            "a plain `def` endpoint that returns a ready Response serialises in a thread",
            "return a Response with bytes made once, if many requests get the same",
        ),
    ),
    Call(
        "call into C that computes",
        r"/re/|/re\.py:|/hashlib\.py:|/bcrypt/|/argon2/|/numpy/",
        r"hashlib|pbkdf2|scrypt|bcrypt|argon2|zlib|gzip|lzma|bz2|numpy|np\.|\bre\.|\.(sub|match|search|findall)\s*\(",
        (
            "run_in_threadpool or a plain `def` endpoint if the call gives up the GIL (hashlib, zlib do; re does not)",
            *TO_A_PROCESS,
        ),
        computes=True,
    ),
)
"""In the order in which they are tried."""

OF_A_ROUTE: Final = (
    "none of the app's own code was at work: an answer is made or sent (serialisation, validation, a middleware)"
)
UNKNOWN: Final = ("use the async equivalent of the call", *TO_A_THREAD)


def call_of(line: LoopLine, *, computes: bool | None = None) -> Call | None:
    """What a line calls, if it is one of CALLS and fits to whether the line computes (None: not known)."""
    inner = "" if line.is_innermost else "\n".join(_frames(line))
    text = line.source.itself if line.source is not None and line.owner is not Owner.LIBRARY else ""
    text = "" if re.search(AWAITED, text) else text
    fitting = [call for call in CALLS if computes is None or call.computes in {None, computes}]
    by_frame = [call for call in fitting if inner and re.search(call.frame, inner)]
    by_text = [call for call in fitting if text and re.search(call.text, text)]
    plain = [call for call in by_frame if not call.is_means]
    return next(iter([*plain, *by_text, *by_frame]), None)


def _frames(line: LoopLine) -> tuple[str, ...]:
    """Every call of a line, and what ran innermost, as `/package/file.py:function`."""
    return (*(f"/{call}" for call in line.calls), f"{_inside(line.inner_file)}:{line.inner_function}")


def _inside(path: str) -> str:
    """A file's path from its folder of packages on: what stands before is anybody's choice of a name."""
    plain = path.replace("\\", "/")
    before, site, package = plain.rpartition("/site-packages/")
    return site.rstrip("/") + "/" + package if before else plain


def async_equivalent(line: LoopLine) -> str:
    """What to await instead of what a line calls; empty if the call is not known."""
    call = call_of(line, computes=False)
    return "" if call is None else call.advice[0]


def for_hops(line: LoopLine | None) -> tuple[str, ...]:
    """What to do about many hops to threads, which a line asks for."""
    calls = "" if line is None else "\n".join(line.calls)
    if "starlette/concurrency.py:iterate_in_threadpool" in calls:
        return (
            "larger chunks: join small ones to some 64 kB before they are yielded",
            "an `async def` generator, which needs no thread; but it must not block",
        )
    if "aiofiles/" in calls:
        return ("one hop for the whole of it: await asyncio.to_thread(path.read_bytes), or larger reads and writes",)
    return (
        "one job that does all the work of a request, instead of many small ones",
        "`async def` for what only computes",
    )


def for_line(line: LoopLine, *, computes: bool | None = None) -> tuple[str, ...]:
    """What to do about a line, the best first.

    Args:
        line: where the loop was held.
        computes: whether it used the processor meanwhile; None: by its own CPU share.
    """
    if computes is None and line.cpu_share is not None:
        computes = line.cpu_share >= COMPUTES_FROM
    call = call_of(line, computes=computes)
    if call is None and line.owner is Owner.NEAR:
        return (OF_A_ROUTE, *(TO_A_PROCESS if computes else UNKNOWN))
    if call is None:
        return TO_A_PROCESS if computes else UNKNOWN
    advice = call.advice if line.is_async is not False or "await" not in call.advice[0] else _in_plain_def(line, call)
    return (f"{call.name}: {advice[0]}", *advice[1:])


def _in_plain_def(line: LoopLine, call: Call) -> tuple[str, ...]:
    """What to do in a function that cannot await."""
    return (
        f"where an `async def` calls `{line.function}`: await run_in_threadpool({line.function}, ...)",
        f"or make `{line.function}` an `async def`, and in it {call.advice[0]}",
    )
