"""What to do about a line that holds the loop: what it calls, and what to call instead.

What a line calls is known from the innermost frame, if one is written in Python, and from the line's own text: a call
into C (`time.sleep`, `hashlib.scrypt`) leaves no frame, and many things end in a socket or a lock.
"""

import re
from dataclasses import dataclass
from typing import Final

from loopbench.judge.diagnosis.loop_lines import LoopLine, Owner

COMPUTES_FROM: Final = 0.5
"""Share of CPU from which a line counts as computing."""

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
    """A kind of call that holds a loop.

    Args:
        name: as a reader should see it.
        frame: pattern of the innermost file and function, `/site-packages/requests/sessions.py:send`.
        text: pattern of the source line.
        advice: what to do, the best first.
        is_means: other calls end in frames like these, so the line's text is asked before them.
        computes: whether it uses the processor; a line that does the opposite does not make it. None: either.
    """

    name: str
    frame: str
    text: str
    advice: tuple[str, ...]
    is_means: bool = False
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
        r"/(requests|urllib3|httplib2)/|/urllib/request\.py:|/http/client\.py:|/httpcore/_sync/|/httpx/",
        r"(?i:\b\w*(requests|urllib3|httpx|session)(\(\))?)\.(get|post|put|patch|delete|head|request)\b"
        r"|urlopen\(|HTTPS?Connection\(",
        ("await one httpx.AsyncClient, made in the lifespan", *TO_A_THREAD),
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
        "lock or result waited for",
        r"/threading\.py:|/concurrent/futures/|/queue\.py:|/multiprocessing/",
        r"\.acquire\s*\(|\.result\s*\(|\.join\s*\(\s*(timeout|\)|\d)|\.wait\s*\(|\.get\s*\(\s*timeout"
        r"|(?i:\bwith\b.*(?:\b|_|r)lock\b)",
        (
            "asyncio.Lock, asyncio.Queue or an awaited future: a thread's lock waits on the loop",
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
    inner = "" if line.is_innermost else f"{_inside(line.inner_file)}:{line.inner_function}"
    text = line.source.itself if line.source is not None and line.owner is not Owner.LIBRARY else ""
    fitting = [call for call in CALLS if computes is None or call.computes in {None, computes}]
    by_frame = [call for call in fitting if inner and re.search(call.frame, inner)]
    by_text = [call for call in fitting if text and re.search(call.text, text)]
    plain = [call for call in by_frame if not call.is_means]
    return next(iter([*plain, *by_text, *by_frame]), None)


def _inside(path: str) -> str:
    """A file's path from its folder of packages on: what stands before is anybody's choice of a name."""
    plain = path.replace("\\", "/")
    before, site, package = plain.rpartition("/site-packages/")
    return site.rstrip("/") + "/" + package if before else plain


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
    return tuple(f"{call.name}: {advice}" if n == 0 else advice for n, advice in enumerate(call.advice))
