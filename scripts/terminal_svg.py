"""A picture of what a command prints: text from standard input becomes an SVG of a terminal.

    cargo run --release --example lenet \\
        | python scripts/terminal_svg.py "cargo run --release --example lenet" > docs/images/lenet.svg
"""

import html
import sys

COLUMN, LINE, MARGIN, BAR = 8.4, 18, 18, 34
COLUMNS = 110  # of the terminal, which breaks longer lines


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else "terminal"
    lines = [line.rstrip() for line in sys.stdin.read().expandtabs(4).splitlines()]
    lines = [line[at : at + COLUMNS] for line in lines for at in range(0, max(len(line), 1), COLUMNS)]
    while lines and not lines[-1]:
        lines.pop()
    width = 2 * MARGIN + COLUMN * max(len(line) for line in lines)
    height = BAR + MARGIN + LINE * len(lines)
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{BAR + LINE * (row + 1) - 4}" xml:space="preserve">{html.escape(line)}</text>'
        for row, line in enumerate(lines)
        if line
    )
    print(f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}">
<style>text {{ font: 14px ui-monospace, Menlo, Consolas, monospace; fill: #e6edf3 }} .t {{ fill: #8b949e }}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<circle cx="18" cy="17" r="6" fill="#ff5f57"/><circle cx="38" cy="17" r="6" fill="#febc2e"/><circle cx="58" cy="17" r="6" fill="#28c840"/>
<text class="t" x="80" y="22">{html.escape(title)}</text>
{rows}
</svg>""")


if __name__ == "__main__":
    main()
