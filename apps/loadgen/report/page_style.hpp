#pragma once

// The style sheet of page.cpp. Colours are pairs, one for light and one for dark; each at least 3 : 1 to its ground.

#include <string_view>

namespace skerry::loadgen {

inline constexpr std::string_view page_style = R"css(
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2430; --soft: #566273; --grid: #e3e7ed; --rule: #8a94a3;
  --mark: #6b7686; --bad: #b3261e; --good: #1f7a3d; --band: #f4f6f9;
  --c0: #1f5fbf; --c1: #c2560c; --c2: #0a7d6b; --c3: #8a3fb5; --c4: #b3261e; --c5: #7a6a00; --c6: #27808f;
  --c7: #b03a75; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181f; --ink: #e6eaf0; --soft: #a3adba; --grid: #2a313c;
  --rule: #758091; --mark: #97a2b2; --bad: #ff8a80; --good: #7bd394; --band: #1c222b;
  --c0: #7db0ff; --c1: #ffa765; --c2: #4fd1bb; --c3: #cf9bff; --c4: #ff8a80; --c5: #dcc94a; --c6: #6fcfe0;
  --c7: #ff94c4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0; }
p { margin: 4px 0; }
section, figure { margin: 32px 0 0; }
figcaption p, .sub { color: var(--soft); font-size: 14px; }
.verdict { margin: 16px 0 0; padding: 10px 14px; border-left: 4px solid var(--good); background: var(--band); }
.verdict.bad { border-color: var(--bad); }
.verdict strong { color: var(--good); }
.verdict.bad strong, td.bad { color: var(--bad); font-weight: 600; }
.verdict ul { margin: 4px 0 0; padding-left: 20px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 10px 0 4px; padding: 0;
  font-size: 13px; }
.legend li { display: flex; align-items: baseline; gap: 7px; }
.key { width: 24px; height: 10px; flex: none; }
svg { display: block; }
svg.wide, svg.narrow { width: 100%; height: auto; }
svg.narrow { display: none; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
svg text.tick { fill: var(--soft); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--rule); }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark, .mark polyline { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 6 4; }
.upright, .upright polyline { stroke-dasharray: 2 3; }
.dotted polyline { stroke-dasharray: 1 4; stroke-linecap: round; }
.again polyline { stroke-dasharray: 8 3; }
.c0 { stroke: var(--c0); fill: var(--c0); } .c1 { stroke: var(--c1); fill: var(--c1); }
.c2 { stroke: var(--c2); fill: var(--c2); } .c3 { stroke: var(--c3); fill: var(--c3); }
.c4 { stroke: var(--c4); fill: var(--c4); } .c5 { stroke: var(--c5); fill: var(--c5); }
.c6 { stroke: var(--c6); fill: var(--c6); } .c7 { stroke: var(--c7); fill: var(--c7); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0 0; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; border-bottom: 1px solid var(--grid); vertical-align: top;
  white-space: nowrap; }
th { font-weight: 600; }
th.left, td.left { text-align: left; white-space: normal; min-width: 110px; }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.facts th { text-align: left; font-weight: 400; color: var(--soft); }
pre { margin: 8px 0 0; padding: 10px 12px; background: var(--band); white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: 13px; }
@media (max-width: 620px) { main { padding: 16px 12px 32px; } svg.wide { display: none; } svg.narrow {
  display: block; } }
@media print { :root { color-scheme: light; --ground: #fff; --ink: #000; --soft: #444; --grid: #ddd;
  --rule: #777; --mark: #666;
    --bad: #b3261e; --good: #1f7a3d; --band: #f4f6f9; --c0: #1f5fbf; --c1: #c2560c; --c2: #0a7d6b; --c3: #8a3fb5;
    --c4: #b3261e; --c5: #7a6a00; --c6: #27808f; --c7: #b03a75; }
  main { max-width: none; padding: 0; } figure, section, tr { break-inside: avoid; } .scroll { overflow: visible; }
  table { font-size: 11px; } th, td { padding-right: 8px; }
  svg.wide { display: block; } svg.narrow { display: none; } }
)css";

}  // namespace skerry::loadgen
