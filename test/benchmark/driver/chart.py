# SPDX-License-Identifier: MIT
"""The results as one SVG picture: for each table the ratios to its baseline, as bars."""
from html import escape

from .report import ratio

LINE = 18
LABELS = 330
BARS = 360
LONGEST = 4.0  # ratios beyond it are cut off, with their figure beside
COLOURS = {'coloop': '#1f6feb'}
OTHERS = '#9aa4b2'


def bar(y, name, value):
    length = min(value, LONGEST) / LONGEST * BARS
    colour = next((c for start, c in COLOURS.items() if name.startswith(start)), OTHERS)
    return (f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABELS}" y="{y + 2}" width="{length:.1f}" height="{LINE - 5}" fill="{colour}"/>'
            f'<text x="{LABELS + length + 6:.1f}" y="{y + 12}">{value:.2f}</text>')


def svg(measured):
    y = 10
    parts = []
    for _, table, results, _ in measured:
        if table.once:
            continue
        top = y + LINE
        parts.append(f'<text x="10" y="{y + 13}" font-weight="bold">{escape(table.title)}'
                     ' (time, 1 = first line)</text>')
        y = top
        for result in results:
            value = ratio(result['rounds'], results[0]['rounds'])
            parts.append(bar(y, result['row']['name'], value))
            y += LINE
        x = LABELS + BARS / LONGEST
        parts.append(f'<line x1="{x}" x2="{x}" y1="{top}" y2="{y}" stroke="#d73a49"/>')
        y += LINE
    width = LABELS + BARS + 70
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            'font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')
