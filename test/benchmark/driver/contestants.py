# SPDX-License-Identifier: MIT
"""Who takes part, how each is built, and who is missing."""
import os
import resource
import shutil
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
PROGRAMS = TREE / 'test/benchmark/programs'
BUILD = TREE / 'build/release/test/benchmark'
PYTHON = '/usr/bin/python3'  # Debian's, for which gevent is packaged
GEVENT = '/usr/lib/python3/dist-packages/gevent'


def build():
    """Builds what can be built; whether a contestant's program is there then tells if it takes part."""
    install = TREE / 'cmake/install-packages'
    subprocess.run([install, 'release'], check=True)
    subprocess.run([install, 'benchmark'], check=False)
    quiet = {'check': True, 'cwd': TREE, 'stdout': subprocess.DEVNULL}
    subprocess.run(['cmake', '--preset', 'release'], **quiet)
    subprocess.run(['cmake', '--build', '--preset', 'release', '--target', 'benchmarks'], **quiet)
    if shutil.which('go'):
        sources = sorted((PROGRAMS / 'go').glob('*.go'))
        subprocess.run(['go', 'build', '-o', BUILD / 'bench-go', *sources], check=True)


def command(program):
    """The command line of a contestant such as 'fcontext' or 'uv_echo expert'; None if it is missing."""
    name, *arguments = program.split()
    if name == 'node':
        return ['node', PROGRAMS / 'echo.js'] if shutil.which('node') else None
    if name == 'gevent':
        return [PYTHON, PROGRAMS / 'echo.py'] if Path(GEVENT).exists() else None
    binary = BUILD / f'bench-{name}'
    return [binary, *arguments] if os.access(binary, os.X_OK) else None


def most_connections(wanted):
    """Raises the limit of descriptors for all contestants; so many of the wanted connections fit."""
    need = wanted + 200  # for what a program has open besides
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard):
        soft = max(soft, min(hard, need))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(wanted, soft - 200)
    if soft != resource.RLIM_INFINITY and soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    return wanted


def block_file(directory):
    """What the file tests read: 4096 blocks, each beginning with its number's low byte."""
    path = Path(directory) / 'blocks'
    path.write_bytes(b''.join(bytes([i % 256]) + bytes(4095) for i in range(4096)))
    return path


def environment(block_file=None):
    """One processor for everybody, and where the file to read is."""
    return os.environ | {'GOMAXPROCS': '1', 'BENCH_FILE': str(block_file)}
