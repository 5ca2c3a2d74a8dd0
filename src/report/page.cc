#include "report/page.h"

#include <fmt/format.h>

#include "report/line_chart.h"
#include "report/markup.h"

namespace espalier::report {
namespace {

// Why the drawings are our own SVG and not those of Chart.js or D3, which Debian has too: these draw by a
// script, so the page would be empty without one and on paper, hold 200 to 300 kB of it, and need a policy
// that allows scripts on a page that shows other people's text. What a curve, a heat map and an interval take
// are paths, rectangles and text; pointing at them, and choosing tokens or time, is CSS.
//
// Nothing may be loaded and no script may run, whatever a label says.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

// Any two of the colours p0 to p7 lie 17 and more apart in CIELAB, also as they are seen without the cones
// for red or for green (Machado, Oliveira and Fernandes, IEEE TVCG 2009), with 3 : 1 to the background.
constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--card:#fff;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--grid:#eceff3;
--warn:#9a5b00;--warn-bg:#fff6e5;--heat:29 78 216;
--p0:#0068ee;--p1:#eb5d47;--p2:#18741f;--p3:#6e1cb9;--p4:#c71d60;--p5:#2ba0c0;--p6:#ba8800;--p7:#797d89}
@media screen and (prefers-color-scheme:dark){:root{--bg:#12161c;--card:#181e26;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2b333e;
--grid:#252c36;--warn:#f0b860;--warn-bg:#2c2413;--heat:96 165 250;
--p0:#67a6fa;--p1:#f6955f;--p2:#44d29b;--p3:#885acc;--p4:#ca5d7b;--p5:#208ca9;--p6:#e9bb40;--p7:#9eacbc}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif}
header,main,.choice{max-width:1320px;margin:0 auto;padding:0 20px}
header{padding-top:26px}
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:34px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:22px 0 8px;overflow-wrap:anywhere}
header p{margin:4px 0 14px;color:var(--soft);overflow-wrap:anywhere}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,390px),1fr));gap:16px}
.grid:not(:has(>:nth-child(3))) figure{max-width:430px}
figure{margin:0;padding:12px 14px 8px;background:var(--card);border:1px solid var(--line);border-radius:8px;
break-inside:avoid;height:100%;max-width:680px}
figcaption{font-weight:600;font-size:.93rem}figcaption span{font-weight:400;color:var(--soft);margin-left:4px}
.legend{margin:2px 0 4px;font-size:.8rem;color:var(--soft)}
.legend>span{margin-right:10px;display:inline-block;overflow-wrap:anywhere}
.note{margin:4px 0 8px;font-size:.8rem;color:var(--soft)}
.remark{margin:8px 0;padding:7px 12px;font-size:.87rem;color:var(--warn);background:var(--warn-bg);border-radius:6px;
overflow-wrap:anywhere}
svg.chart{display:block;width:100%;height:auto;max-width:640px;overflow:visible}
svg.swatch{width:22px;height:10px;margin-right:4px;vertical-align:middle}
svg.scale{width:100px;height:10px;vertical-align:middle;border:1px solid var(--line)}
svg text{font-size:11px;fill:var(--soft);font-variant-numeric:tabular-nums}
svg .e{text-anchor:end}svg .m{text-anchor:middle}svg .b{text-anchor:start}svg .t{font-size:11px}
.grid path.grid,path.grid{stroke:var(--grid);stroke-width:1}
path.tick,path.axis{stroke:var(--line);stroke-width:1}
.c0{--c:var(--p0)}.c1{--c:var(--p1)}.c2{--c:var(--p2)}.c3{--c:var(--p3)}.c4{--c:var(--p4)}.c5{--c:var(--p5)}
.c6{--c:var(--p6)}.c7{--c:var(--p7)}
path.s{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
path.s.faint{stroke-width:1;opacity:.33}path.s.dash{stroke-dasharray:5 4}path.s.dot{stroke-dasharray:1.5 4}
path.p{stroke:var(--c);stroke-width:4.6;stroke-linecap:round}
circle{fill:var(--c)}circle.hollow{fill:var(--card);stroke:var(--c);stroke-width:2}
path.ref{stroke:var(--soft);stroke-width:1.5;opacity:.6}
h4{font-size:.92rem;margin:14px 0 4px}
.confusion td.right{background:rgb(15 157 107/var(--a))}.confusion td.wrong{background:rgb(224 82 60/var(--a))}
.h>rect{fill:transparent}
.tip{visibility:hidden;pointer-events:none}
.h:hover>.tip{visibility:visible}
.tip rect{fill:var(--bg);stroke:var(--line)}
.tip text{fill:var(--ink)}
path.cross{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}
g.heat rect{fill:rgb(var(--heat))}
g.nodes rect{stroke:var(--card);stroke-width:.6}g.heat rect:hover{stroke:var(--p1);stroke-width:1.5}
rect.frame{fill:none;stroke:var(--line)}
.wide{overflow-x:auto;margin:8px 0;break-inside:avoid}
table{border-collapse:collapse;font-size:.87rem;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid);white-space:nowrap}
td.x{white-space:normal;min-width:19em;max-width:44em}
thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--line);white-space:nowrap}
tbody th{font-weight:600}
th.n,td.n{text-align:right;white-space:nowrap;padding:5px 0 5px 18px}
.confusion td,.confusion th{padding-right:10px}
table.leaves{margin:4px 0 14px;width:100%}.leaves td{white-space:normal;width:30%}.leaves td.n{width:1%;white-space:nowrap}
.leaves th.n,.leaves td.n{padding-right:18px}
.leaves tbody th{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-weight:500;font-size:.82rem;width:1%}
.leaves b{display:inline-block;font-weight:400;padding:0 5px;border-radius:4px;margin:1px 0;
background:rgb(var(--heat)/var(--a))}.leaves b i{font-style:normal;font-size:.72rem;color:var(--soft)}
.w0{--a:.04}.w1{--a:.06}.w2{--a:.1}.w3{--a:.14}.w4{--a:.18}.w5{--a:.22}.w6{--a:.27}.w7{--a:.32}.w8{--a:.37}
.w9{--a:.42}
details{margin:8px 0}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
.choice{position:sticky;top:0;z-index:1;background:var(--bg);padding-top:8px;padding-bottom:8px;
border-bottom:1px solid var(--line)}
input[name=x]{position:absolute;opacity:0}
.choice label{display:inline-block;padding:3px 12px;border:1px solid var(--line);border-radius:14px;font-size:.85rem;
cursor:pointer;margin-right:6px;color:var(--soft)}
#by-progress:checked~.choice label[for=by-progress],#by-time:checked~.choice label[for=by-time]{background:var(--p0);
border-color:var(--p0);color:var(--bg)}
#by-progress:focus-visible~.choice label[for=by-progress],#by-time:focus-visible~.choice label[for=by-time]{outline:2px
solid var(--p1)}
#by-progress:checked~main .by-time,#by-time:checked~main .by-progress{display:none}
footer{margin:40px auto 30px;max-width:1320px;padding:0 20px;color:var(--soft);font-size:.8rem}
@media (max-width:520px){header,main,.choice,footer{padding-left:12px;padding-right:12px}h1{font-size:1.25rem}
.leaves,.leaves tbody,.leaves tr,.leaves td{display:block;width:100%!important}.leaves thead{display:none}
.leaves tbody th,.leaves td.n{display:inline-block;width:auto!important;border:0;padding:5px 10px 2px 0}
.leaves td{border:0;padding:2px 0}.leaves tr{border-bottom:1px solid var(--grid);padding-bottom:4px}
.leaves td+td+td:before{content:"preceded by ";color:var(--soft)}.leaves td+td+td+td:before{content:"followed by "}}
@media print{@page{margin:13mm}.choice,summary::marker{display:none}header,main,footer{padding:0;max-width:none}
body{font-size:10.5px;print-color-adjust:exact;-webkit-print-color-adjust:exact}h1{font-size:17px}h2{font-size:14px;
margin-top:20px}h3{font-size:12px}figcaption{font-size:11px}.legend,.note,.remark,.leaves b i{font-size:8.5px}
table{font-size:9px}th,td,thead th,th.n,td.n{white-space:normal;padding:3px 8px 3px 0}td.x{min-width:12em}
h2,h3,h4,summary,thead,caption,.lead{break-after:avoid}tr,p{break-inside:avoid}summary{font-size:11px}.leaves tbody th{font-size:8.5px}.wide{overflow:visible;
break-inside:auto}.grid{grid-template-columns:1fr 1fr;gap:9px}figure{padding:7px 9px 4px}
#by-progress:checked~main .by-time,#by-time:checked~main .by-progress{display:block}}
)css";

std::string choice_html(const std::string& progress) {
  if (progress.empty()) return "";
  return fmt::format(
      "<input type=\"radio\" name=\"x\" id=\"by-progress\" checked=\"checked\"/>"
      "<input type=\"radio\" name=\"x\" id=\"by-time\"/>\n"
      "<nav class=\"choice\"><label for=\"by-progress\">over {}</label><label for=\"by-time\">over wall "
      "time</label></nav>\n",
      escaped(progress));
}

// What a page of many runs leaves out.
std::string coarseness_html(const Detail& detail) {
  if (detail.halvings == 0) return "";
  return fmt::format(
      "<p class=\"remark\">So much is drawn here in {} of its detail, to keep the page small: curves by up "
      "to {} "
      "stretches, numbers under the pointer at {} places, fewer columns of heat maps, layers, leaves and "
      "rows. A "
      "page of fewer runs has more.</p>\n",
      fmt::format("1/{}", detail.coarseness()), detail.of(kCurveStretches),
      detail.of(kReadoutColumns, kLeastReadoutColumns));
}

}  // namespace

std::string page_html(const std::string& title, const std::string& subtitle, const std::string& progress,
                      const std::string& sections, const Detail& detail) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"/>\n<title>{}</title>\n<style>{}</style>\n"
      "</head>\n<body>\n<header><h1>{}</h1><p>{}</p></header>\n",
      kPolicy, escaped(title), kStyle, escaped(title), escaped(subtitle));
  html += choice_html(progress) + "<main>\n" + coarseness_html(detail) + sections + "</main>\n";
  return html +
         fmt::format(
             "<footer>Point at a drawing for its numbers. Curves of more than {0} lines are drawn by the "
             "first, "
             "lowest, highest and last of each of up to {0} stretches; of evaluations, where there are many, "
             "every n-th and the last.</footer>\n</body>\n</html>\n",
             detail.of(kCurveStretches));
}

}  // namespace espalier::report
