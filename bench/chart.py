# SPDX-License-Identifier: Apache-2.0
"""Draws the rows of a benchmark as one SVG file, without any library."""
import html
import math

BAR, GAP, LEFT, WIDTH, RIGHT, TOP = 18, 30, 330, 420, 130, 64

STYLE = """
  :root { --ink: #1b1f24; --dim: #5f6b7a; --line: #d5dbe3; --mine: #1f6feb; --limit: #b35900; --paper: #ffffff; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8edf3; --dim: #9aa7b6; --line: #39424e; --mine: #5ea0ff; --limit: #ffb066; --paper: #10151b; } }
  text { font: 13px system-ui, sans-serif; fill: var(--ink); } .dim { fill: var(--dim); font-size: 12px; }
  .title { font-size: 16px; font-weight: 600; } .grid { stroke: var(--line); } .peer { stroke: var(--ink); stroke-width: 2; }
  .mine { fill: var(--mine); } .spread { stroke: var(--ink); stroke-width: 1.5; } .aim { stroke: var(--limit); stroke-width: 2;
  stroke-dasharray: 4 3; } .paper { fill: var(--paper); }"""


def position(ratio, low, high):
    """Pixels from the left edge of the plot; the axis is logarithmic."""
    return WIDTH * (math.log10(max(ratio, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))


def draw(rows, title, subtitle):
    """rows: dicts with name, theirs, ratio, low, high (the spread of the ratio) and, where one is set, aim."""
    values = [v for r in rows for v in (r["ratio"], r["low"], r["high"], r.get("aim") or 1)]
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(max(values), 2)))
    height = TOP + len(rows) * (BAR + GAP) + 58
    total = LEFT + WIDTH + RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}" width="{total}" height="{height}" '
           f'role="img" aria-labelledby="t d">',
           f'<title id="t">{html.escape(title)}</title>',
           '<desc id="d">' + html.escape("; ".join(f"{r['name']}: {r['ratio']:.3g} of {r['theirs']}" for r in rows)) +
           '</desc>', f'<style>{STYLE}\n</style>', f'<rect class="paper" width="{total}" height="{height}"/>',
           f'<text class="title" x="12" y="24">{html.escape(title)}</text>',
           f'<text class="dim" x="12" y="43">{html.escape(subtitle)}</text>']
    bottom = height - 50
    tick = low
    while tick <= high * 1.001:
        x = LEFT + position(tick, low, high)
        kind = "peer" if 0.99 < tick < 1.01 else "grid"
        out.append(f'<line class="{kind}" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>')
        out.append(f'<text class="dim" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick:g}</text>')
        tick *= 10
    for i, r in enumerate(rows):
        y = TOP + i * (BAR + GAP)
        end = position(r["ratio"], low, high)
        start = LEFT
        out.append(f'<text x="{LEFT - 10}" y="{y + 10}" text-anchor="end">{html.escape(r["name"])}</text>')
        out.append(f'<text class="dim" x="{LEFT - 10}" y="{y + 26}" text-anchor="end">beside {html.escape(r["theirs"])}</text>')
        out.append(f'<rect class="mine" x="{start}" y="{y}" width="{max(end, 1):.1f}" height="{BAR}"/>')
        a, b = (LEFT + position(r[k], low, high) for k in ("low", "high"))
        out.append(f'<line class="spread" x1="{a:.1f}" y1="{y + BAR / 2}" x2="{b:.1f}" y2="{y + BAR / 2}"/>')
        if r.get("aim"):
            x = LEFT + position(r["aim"], low, high)
            out.append(f'<line class="aim" x1="{x:.1f}" y1="{y - 5}" x2="{x:.1f}" y2="{y + BAR + 5}"/>')
        out.append(f'<text x="{LEFT + max(end, position(r["high"], low, high)) + 8:.1f}" y="{y + 14}">{r["ratio"]:.3g}</text>')
    out.append(f'<text class="dim" x="{LEFT}" y="{bottom + 38}">time of rnm / time of the other (left of 1: rnm is faster); '
               'thin line: spread; dashed: the aim</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
