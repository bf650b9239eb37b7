# SPDX-License-Identifier: MIT
"""What is measured: for each group its tables, and for each table its rows, the baseline first."""
from dataclasses import dataclass, field, replace

from . import contestants


@dataclass(frozen=True)
class Row:
    """One contestant in one test: `operations` of them in each round."""
    name: str = field(compare=False)
    program: str
    test: str
    operations: int


@dataclass(frozen=True)
class Load:
    """One echo server under a load of so many connections, bytes and requests."""
    name: str
    program: str
    connections: int
    size: int
    operations: int
    short: bool = False


@dataclass(frozen=True)
class Idle:
    """One echo server that keeps so many connections of which each has said something, and waits."""
    name: str
    program: str
    connections: int


@dataclass
class Table:
    title: str
    rows: list
    targets: dict = field(default_factory=dict)  # row name -> largest allowed ratio
    counted: bool = True  # instructions and system calls
    limits: dict = field(default_factory=dict)  # name of a figure -> the most it may be for coloop
    once: bool = False  # it is no time, so one round tells all
    unable: dict = field(default_factory=dict)  # row name -> why it can't take part


FCONTEXT = Row('Boost.Context jump_fcontext, there and back', 'fcontext', 'round-trip', 10_000_000)


def switch_tables():
    def pair(title, test, target, operations=10_000_000):
        return Table(title, [Row('Boost.Context jump_fcontext', 'fcontext', test, operations),
                             Row('coloop enter + yield', 'coloop_switch', test, operations)],
                     {'coloop enter + yield': target})

    yield Table('One switch there and one back', [
        FCONTEXT,
        Row('coloop enter + yield', 'coloop_switch', 'round-trip', 10_000_000),
        Row('function call, for scale', 'coloop_switch', 'call', 100_000_000),
        Row('Boost.Fiber yield', 'boost_fiber', 'round-trip', 1_000_000),
        Row('Go Gosched', 'go', 'round-trip', 1_000_000),
    ], {'coloop enter + yield': 0.95})
    yield pair('... one side has computed inexactly', 'flags-differ', 0.07, 2_000_000)
    yield pair('... 4 frames deep in the coroutine', 'deep', 0.25)
    yield pair('... 64 in turn', 'in-turn', 0.9)
    yield pair('... a batch of 64, 4 frames deep on both sides', 'batch-from-depth', 0.3)
    yield Table('Create, run and end', [
        FCONTEXT,
        Row('coloop, lambda with captures', 'coloop_switch', 'create', 5_000_000),
        Row('coloop, nested 1,000 deep', 'coloop_switch', 'nested', 2_000_000),
        Row('Boost.Context jump_fcontext, pooled', 'fcontext', 'create', 5_000_000),
    ], {'coloop, lambda with captures': 1.3, 'coloop, nested 1,000 deep': 3})


def cost_tables():
    yield Table('The cost card: a switch there and back, with more and more kept', [
        Row('the bare switch', 'coloop_switch', 'bare', 10_000_000),
        Row('and floating-point control', 'coloop_switch', 'bare-control', 10_000_000),
        Row('and errno and exceptions', 'coloop_switch', 'bare-all', 10_000_000),
        Row('and who runs, and checks: enter + yield', 'coloop_switch', 'round-trip', 10_000_000),
    ])
    yield Table('... spawning', [
        Row('create, run and end', 'coloop_switch', 'create', 5_000_000),
        Row('on a loop, cancellable: spawn', 'coloop_loop', 'spawn', 2_000_000),
        Row('and a name', 'coloop_loop', 'spawn-named', 2_000_000),
    ])
    yield Table('... scopes', [
        Row('a cancel scope', 'coloop_sync', 'scope', 10_000_000),
        Row('a timeout that does not fire', 'coloop_sync', 'timeout', 5_000_000),
    ])


def spawn_tables():
    yield Table('On a loop', [
        FCONTEXT,
        Row('coloop spawn + run + end', 'coloop_loop', 'spawn', 2_000_000),
        Row('coloop wake of a waiter + its run', 'coloop_loop', 'wake', 4_000_000),
        Row('coloop co_sleep_ns(0)', 'coloop_loop', 'sleep-zero', 2_000_000),
        Row('Go goroutine + its end', 'go', 'spawn', 1_000_000),
    ], {'coloop spawn + run + end': 5, 'coloop wake of a waiter + its run': 3})
    yield Table('Spawn a child and wait for its end', [
        Row('Go WaitGroup', 'go', 'spawn-join', 500_000),
        Row('coloop TaskGroup', 'coloop_loop', 'spawn-join', 500_000),
        Row('Boost.Fiber join', 'boost_fiber', 'spawn-join', 500_000),
    ], {'coloop TaskGroup': 1})


def sync_tables():
    yield Table('A value through a channel without room', [
        Row('Go', 'go', 'channel', 1_000_000),
        Row('coloop', 'coloop_sync', 'channel', 2_000_000),
        Row('Boost.Fiber', 'boost_fiber', 'channel', 500_000),
    ], {'coloop': 1})
    yield Table('... with room for 100', [
        Row('Go', 'go', 'channel-buffered', 2_000_000),
        Row('coloop', 'coloop_sync', 'channel-buffered', 5_000_000),
    ], {'coloop': 1})
    yield Table('... through a select of two', [
        Row('Go', 'go', 'select', 1_000_000),
        Row('coloop', 'coloop_sync', 'select', 2_000_000),
    ], {'coloop': 1})
    yield Table('Lock and unlock a mutex', [
        Row('Go sync.Mutex', 'go', 'mutex', 10_000_000),
        Row('coloop CoMutex', 'coloop_sync', 'mutex', 10_000_000),
        Row('Boost.Fiber mutex', 'boost_fiber', 'mutex', 10_000_000),
    ], {'coloop CoMutex': 1})
    yield Table('... that is contended', [
        Row('Go sync.Mutex', 'go', 'mutex-contended', 500_000),
        Row('coloop CoMutex', 'coloop_sync', 'mutex-contended', 1_000_000),
        Row('Boost.Fiber mutex', 'boost_fiber', 'mutex-contended', 500_000),
    ])
    yield Table('Cancel scopes and timeouts', [
        FCONTEXT,
        Row('coloop scope, entered and left', 'coloop_sync', 'scope', 10_000_000),
        Row('coloop with_timeout that does not fire', 'coloop_sync', 'timeout', 5_000_000),
    ])
    yield Table('A byte through a socket and back', [
        Row('coloop', 'coloop_sync', 'read', 30_000),
        Row('coloop, with a timeout around the read', 'coloop_sync', 'read-timeout', 30_000),
    ])


def memory_tables(quick):
    count = 50_000 if quick else 1_000_000
    leaves = 100_000 if quick else 1_000_000
    yield Table(f'{count:,} at once, made, suspended, woken and ended', [
        Row('Go goroutines', 'go', 'suspended', count),
        Row('coloop, 256 KiB of address space each', 'coloop_loop', 'suspended', count),
        Row('coloop, 64 KiB of address space each', 'coloop_loop', 'suspended-64k', count),
    ], counted=False)
    yield Table(f'Skynet: a tree of coroutines whose {leaves:,} leaves are added up', [
        Row('Go goroutines and channels', 'go', 'skynet', leaves),
        Row('coloop TaskGroup', 'coloop_loop', 'skynet', leaves),
    ], counted=False)
    yield Table(f'Round trips over {count:,}', [
        Row('Boost.Context, stacks from malloc, no guards', 'fcontext', 'over-all', count),
        Row('coloop, guarded', 'coloop_switch', 'over-all', count),
    ], {'coloop, guarded': 0.9}, counted=False)


ECHO_SERVERS = [
    ('libuv callbacks, as an expert writes them', 'uv_echo expert'),
    ('coloop', 'coloop_echo'),
    ('raw epoll', 'epoll_echo'),
    ('libuv callbacks, as its guide teaches', 'uv_echo guide'),
    ('Boost.Asio callbacks', 'asio_echo callbacks'),
    ('Boost.Asio spawn', 'asio_echo spawn'),
    ('state-threads', 'st_echo'),
    ('Go', 'go echo'),
    ('Node', 'node'),
    ('gevent', 'gevent'),
]

UNABLE = {'state-threads': "Debian's knows only select(), and so 1,024 descriptors"}


def echo_tables(quick):
    loads = [('1 connection, 64 bytes', 1, 64, 4_000, False, 1.0, 3.0),
             ('50 connections, 64 bytes', 50, 64, 60_000, False, 1.0, 2.05),
             ('1,000 connections, 64 bytes', 1000, 64, 60_000, False, 1.02, None),
             ('5,000 connections, 64 bytes', 5000, 64, 60_000, False, 1.02, None),
             ('50 connections, 16 KiB', 50, 16384, 20_000, False, 1.0, None),
             ('connect, one request, close', 50, 64, 10_000, True, 1.0, 9.5)]
    for title, connections, size, requests, short, target, calls in loads:
        if quick and connections == 5000:
            continue
        servers = ECHO_SERVERS[:4 if quick and title != '50 connections, 64 bytes' else None]
        rows = [Load(name, program, connections, size, requests // (4 if quick else 1), short)
                for name, program in servers]
        yield Table('TCP echo: ' + title, rows, {'coloop': target}, not quick or calls is not None,
                    {'calls': calls} if calls else {}, unable=UNABLE if connections > 1000 else {})


def idle_tables(quick):
    count = contestants.most_connections(2_000 if quick else 10_000)
    yield Table(f'{count:,} connections that have spoken and are silent (4,096 bytes are a stack)', [
        Idle(name, program, count) for name, program in ECHO_SERVERS[:4 if quick else None]
    ], counted=False, limits={'bytes': 4096 + 6 * 1024, 'wakes': 0}, once=True, unable=UNABLE)


def file_tables():
    yield Table('Read 4 KiB that are in the page cache', [
        Row('libuv uv_fs_read', 'uv_file', 'one', 20_000),
        Row('coloop File::read_at', 'coloop_file', 'one', 200_000),
        Row('Go ReadAt', 'go', 'file-read', 200_000),
        Row('pread(), which blocks', 'uv_file', 'blocking', 200_000),
    ], {'coloop File::read_at': 1 / 8})
    yield Table('... 64 at a time', [
        Row('libuv uv_fs_read', 'uv_file', 'many', 200_000),
        Row('coloop File::read_at', 'coloop_file', 'many', 200_000),
    ], {'coloop File::read_at': 1 / 2})


def timer_tables(quick):
    count = 50_000 if quick else 1_000_000
    sleepers = [
        Row('libuv, a uv_timer_t each', 'uv_timer', 'sleepers', count),
        Row('coloop, a deadline each', 'coloop_deadline', 'sleepers', count),
        Row('coloop co_sleep_ns, a coroutine each', 'coloop_loop', 'sleepers', count),
        Row('Go time.Sleep', 'go', 'sleepers', count),
        Row('Boost.Fiber sleep_for', 'boost_fiber', 'sleepers', min(count, 100_000)),
    ]
    yield Table(f'{count:,} sleepers, of 1 to 1,000 ms, which end in order',
                sleepers[:3 if quick else None], {'coloop, a deadline each': 1 / 1.3}, counted=not quick)
    yield Table(f'{count:,} sleepers, started and cancelled', [
        Row('libuv, a uv_timer_t each', 'uv_timer', 'cancelled-sleepers', count),
        Row('coloop, a deadline each', 'coloop_deadline', 'cancelled-sleepers', count),
        Row('coloop co_sleep_ns, a coroutine each', 'coloop_loop', 'cancelled-sleepers', count),
    ], {'coloop, a deadline each': 1 / 1.3})


def thread_tables():
    yield Table('Functions posted by another thread', [
        Row('libuv: a queue, a mutex and uv_async_send', 'uv_thread', 'post', 2_000_000),
        Row('coloop Loop::post', 'coloop_thread', 'post', 2_000_000),
    ], {'coloop Loop::post': 1})
    yield Table('... to another loop and back', [
        Row('libuv: a queue, a mutex and uv_async_send', 'uv_thread', 'there-and-back', 6_000),
        Row('coloop Loop::post', 'coloop_thread', 'there-and-back', 6_000),
        Row('coloop call_on', 'coloop_thread', 'call-on', 6_000),
    ], {'coloop Loop::post': 1.1, 'coloop call_on': 1.1})


def halved(tables):
    """Half of the operations, which is still enough for the clock."""
    for table in tables:
        rows = [replace(row, operations=row.operations // 2) for row in table.rows]
        yield replace(table, rows=rows)


def groups(quick):
    fewer = halved if quick else iter
    return {'switch': fewer(switch_tables()), 'cost': fewer(cost_tables()),
            'spawn': fewer(spawn_tables()), 'sync': fewer(sync_tables()),
            'memory': memory_tables(quick), 'echo': echo_tables(quick), 'idle': idle_tables(quick),
            'file': fewer(file_tables()), 'timer': timer_tables(quick),
            'thread': fewer(thread_tables())}
