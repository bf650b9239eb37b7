# SPDX-License-Identifier: MIT
"""Runs one contestant once: against the clock, or counting its instructions or system calls."""
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import contestants
from .groups import Idle, Load

SERVER_CPU = 0
CLIENT_CPU = (os.cpu_count() or 1) - 1
SETTLING_SECONDS = 1.5  # coloop gives back the stacks that it has over a second after it was busy
IDLE_SECONDS = 1
PATIENCE = 300  # seconds until what a contestant has not done counts as never
CALLGRIND = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']
# Go and the like make code as they run, and state-threads does not survive Valgrind.
COUNTABLE = ('coloop', 'uv_', 'epoll', 'fcontext', 'boost', 'asio')


class Failed(Exception):
    pass


def pinned(cpu):
    """To one processor, or to none if it is None."""
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


def figures(text):
    """Lines of a name and a number."""
    return {name: float(value) for name, value in re.findall(r'^(\S+) ([-+.e\d]+)$', text, re.M)}


def run(command, env, cpu=CLIENT_CPU):
    try:
        done = subprocess.run(command, env=env, preexec_fn=pinned(cpu), text=True,
                              capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as late:
        raise Failed(f'{Path(command[0]).name} {" ".join(command[1:])}: nothing in {PATIENCE} s') from late
    if done.returncode != 0:
        raise Failed(f'{Path(command[0]).name} {" ".join(command[1:])}: {done.stderr.strip()[-300:]}')
    return done


class Server:
    """A running echo server, perhaps under a tool that counts."""

    def __init__(self, command, env, tool=()):
        self.process = subprocess.Popen([*tool, *command], env=env, text=True,
                                        preexec_fn=pinned(SERVER_CPU),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = self.process.stdout.readline().split()
        if len(first) != 2:
            raise Failed(f'{command[0]}: {self.process.stderr.read()[-300:]}')
        self.port = first[1]

    def cpu_nanoseconds(self):
        tasks = Path(f'/proc/{self.process.pid}/task').glob('*/schedstat')
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def resident_bytes(self):
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        return 1024 * int(re.search(r'^VmRSS:\s+(\d+) kB', status, re.M).group(1))

    def wake_ups(self):
        """How often its threads have gone to sleep so far, and so have been woken."""
        tasks = Path(f'/proc/{self.process.pid}/task').glob('*/status')
        return sum(int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', task.read_text(), re.M)[1])
                   for task in tasks)

    def stop(self):
        """Ends it; returns what it or its tool had to say."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate()[1]


class Client:
    """Connections to an echo server, each of which has got an answer when this is made."""

    def __init__(self, server, row, size, operations, short=False):
        arguments = [server.port, row.connections, size, operations]
        self.program = row.program
        self.process = subprocess.Popen(
            [contestants.command('load')[0], *map(str, arguments), *(['short'] if short else [])],
            preexec_fn=pinned(CLIENT_CPU), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            self.end()

    def go(self):
        """Does its operations; returns their figures."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return figures(''.join(self.process.stdout.readline() for _ in range(2)))

    def end(self):
        self.process.communicate('\n')
        if self.process.returncode != 0:
            raise Failed(f'{self.program} has not answered all that it was asked')


def drive(server, load, operations):
    """Puts the load on the server; returns the client's figures and the server's CPU time."""
    client = Client(server, load, load.size, operations, load.short)
    cpu = server.cpu_nanoseconds()
    result = client.go()
    cpu = server.cpu_nanoseconds() - cpu
    client.end()
    return result | {'cpu': cpu}


def leave_alone(server, idle):
    """What the silent connections take of memory, and how often a second they wake the server."""
    before = server.resident_bytes()
    client = Client(server, idle, size=64, operations=idle.connections)
    time.sleep(SETTLING_SECONDS)
    bytes_each = (server.resident_bytes() - before) / idle.connections
    wake_ups = server.wake_ups()
    time.sleep(IDLE_SECONDS)
    wake_ups = server.wake_ups() - wake_ups
    client.go()  # all are still served
    client.end()
    return {'bytes': bytes_each, 'wakes': wake_ups / IDLE_SECONDS}


def per_operation(result, operations):
    return {name: value / operations if name in ('nanoseconds', 'cpu') else value
            for name, value in result.items()}


def timed(row, env):
    """The figures of one round; times are nanoseconds per operation."""
    command = contestants.command(row.program)
    if not isinstance(row, (Load, Idle)):
        result = figures(run([*command, row.test, str(row.operations)], env).stdout)
        return per_operation(result, row.operations)
    server = Server(command, env)
    try:
        if isinstance(row, Idle):
            return leave_alone(server, row)
        return per_operation(drive(server, row, row.operations), row.operations)
    finally:
        server.stop()


def few(row):
    """So many operations are enough for counting."""
    if isinstance(row, Load):
        return max(500, 2 * row.connections)
    return max(1000, min(20_000, row.operations // 100))


def collected_in(program, test, operations, env):
    """The instructions that callgrind counts while the test is measured, on any processor."""
    command = [*CALLGRIND, '--collect-atstart=no', *contestants.command(program)]
    return collected(run([*command, test, str(operations)], env, cpu=None).stderr)


def instructions(row, env):
    """User instructions per operation; None where they can't be counted. Of a Row they may be
    counted beside others: it runs on any processor."""
    if not row.program.startswith(COUNTABLE):
        return None
    operations = few(row)
    if not isinstance(row, Load):
        return collected_in(row.program, row.test, operations, env) / operations
    return growth(lambda count: collected(loaded(row, env, CALLGRIND, count)), operations)


def collected(text):
    return int(re.search(r'Collected : (\d+)', text).group(1))


def system_calls(row, env, cpu=CLIENT_CPU, calls='all'):
    """System calls per operation, of all threads; `calls` may leave some out, as strace wants it."""
    with tempfile.NamedTemporaryFile() as file:
        tool = ['strace', '-D', '-f', '-c', '-e', f'trace={calls}', '-o', file.name]

        def count(operations):
            if isinstance(row, Load):
                loaded(row, env, tool, operations)
            else:
                command = contestants.command(row.program)
                run([*tool, *command, row.test, str(operations)], env, cpu)
            return total_calls(file.name)

        return growth(count, few(row))


def total_calls(path):
    """strace writes its table after the program has ended, and it is not our child then."""
    for _ in range(5000):
        found = re.search(r'^100\.00\s.*?(\d+)(?:\s+\d+)? total$', Path(path).read_text(), re.M)
        if found:
            Path(path).write_text('')
            return int(found.group(1))
        signal.sigtimedwait([], 0.01)
    raise Failed('strace wrote no table')


def loaded(row, env, tool, operations):
    server = Server(contestants.command(row.program), env, tool)
    try:
        drive(server, row, operations)
    finally:
        said = server.stop()
    return said


def growth(count, operations):
    """What one operation adds, start and end aside."""
    return (count(2 * operations) - count(operations)) / operations
