# SPDX-License-Identifier: MIT
"""The results as text and as JSON."""
import json
import os
import platform
import statistics
from dataclasses import asdict


def median(rounds, name):
    values = [figures[name] for figures in rounds if name in figures]
    return statistics.median(values) if values else None


def ratio(rounds, baseline, name='nanoseconds'):
    """Median over the rounds of the ratio to the baseline of the same round."""
    pairs = [(mine[name], its[name]) for mine, its in zip(rounds, baseline) if name in its]
    return statistics.median(mine / max(its, 1e-9) for mine, its in pairs) if pairs else None


def shown(value, digits=2):
    if value is None:
        return '-'
    return f'{value:,.{digits}f}' if value < 1000 else f'{value:,.0f}'


COLUMNS = ['ns', 'ratio', 'target', 'CPU ns', 'ratio', 'calls', 'instr.', 'p99 us',
           'bytes each', 'wakes/s']


def cells(table, result, baseline):
    name = result['row']['name']
    rounds = result['rounds']
    p99 = median(rounds, 'p99')
    target = table.targets.get(name)
    return [shown(median(rounds, 'nanoseconds')), shown(ratio(rounds, baseline)),
            f'<= {target:.2f}' if target else '', shown(median(rounds, 'cpu')),
            shown(ratio(rounds, baseline, 'cpu')), shown(result['calls']),
            shown(result['instructions'], 0),
            shown(p99 / 1000 if p99 else None, 0), shown(median(rounds, 'bytes'), 0),
            shown(median(rounds, 'wakes'), 1)]


def within(table, results):
    """How coloop's own figures compare with their limits, in words."""
    for result in results:
        if result['row']['name'] == 'coloop':
            for name, limit in table.limits.items():
                value = result['calls'] if name == 'calls' else median(result['rounds'], name)
                if value is not None:
                    yield f'  coloop: {shown(value)} {name}, at most {limit:,g} are meant'


def text(table, results, missing):
    """One table; columns that nobody has a figure for are left out."""
    baseline = results[0]['rounds'] if results else []
    lines = [(result['row']['name'], cells(table, result, baseline)) for result in results]
    used = [i for i in range(len(COLUMNS)) if any(c[i] not in ('-', '') for _, c in lines)]
    out = [table.title]
    out.append(f'  {"":46}' + ''.join(f'{COLUMNS[i]:>12}' for i in used))
    for name, row in lines:
        out.append(f'  {name:46}' + ''.join(f'{row[i]:>12}' for i in used))
    out += [f'  {name:46}  missing: {why}' for name, why in missing]
    out += within(table, results)
    return '\n'.join(out) + '\n'


def machine():
    with open('/proc/cpuinfo') as info:
        model = next((line.split(':')[1].strip() for line in info if 'model name' in line), '?')
    return {'cpu': model, 'cpus': os.cpu_count(), 'system': platform.platform()}


def as_json(measured):
    return json.dumps({'machine': machine(), 'tables': [
        {'group': group, **asdict(table), 'rows': results, 'missing': missing}
        for group, table, results, missing in measured]}, indent=1)
