// SPDX-License-Identifier: Apache-2.0
// The page's style sheet.
#include "http/page_parts.hpp"

namespace pgcaretaker::http {

std::string_view page_style() {
  return R"css(
:root{color-scheme:light dark;--back:#f5f6f8;--card:#fff;--line:#e2e5ea;--text:#1b2330;--quiet:#647084;
--accent:#2f6fde;--pale:#dfe9fb;--ok:#1a7f45;--ok-back:#dff3e6;--warn:#93590a;--warn-back:#fdf0d5;
--bad:#b3261e;--bad-back:#fce4e2;--grey:#8b95a5;--grey-back:#e9ecf0;--amber:#d08a1c}
@media (prefers-color-scheme:dark){:root{--back:#10151d;--card:#181f2a;--line:#2a3342;--text:#e4e9f1;
--quiet:#93a0b4;--accent:#6ea0f5;--pale:#25344f;--ok:#63cf90;--ok-back:#16341f;--warn:#edb558;
--warn-back:#3a2b10;--bad:#ff8f86;--bad-back:#43191a;--grey:#6b778a;--grey-back:#27303d;--amber:#dd9a33}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:68rem;padding:1.75rem 1.25rem 3rem;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1,h2,h3,h4,p,ul,dl,dd{margin:0;padding:0}ul{list-style:none}
h1{font-size:1.35rem;letter-spacing:-.01em}h3,h4{overflow-wrap:anywhere}
h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.07em;color:var(--quiet);margin:1.9rem 0 .6rem}
h3{font-size:1.05rem}h4{font-size:.95rem}.quiet{color:var(--quiet)}time{white-space:nowrap}
.bad{color:var(--bad)}.warn{color:var(--warn)}
.top{display:flex;align-items:center;gap:.75rem;flex-wrap:wrap}.top .quiet{margin-left:auto;font-size:.85rem}
.badge{display:inline-block;padding:.1rem .6rem;border-radius:1rem;font-size:.8rem;font-weight:600;
white-space:nowrap;color:var(--quiet);background:var(--grey-back)}
.badge.ok{color:var(--ok);background:var(--ok-back)}.badge.warn{color:var(--warn);background:var(--warn-back)}
.badge.critical{color:var(--bad);background:var(--bad-back)}.badge.running{color:var(--accent);background:var(--pale)}
.top .badge{font-size:.95rem;padding:.2rem .85rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1rem 1.2rem;
margin-bottom:.8rem;box-shadow:0 1px 2px rgb(0 0 0/.04)}
.card>header{display:flex;align-items:center;gap:.3rem .7rem;flex-wrap:wrap}
.card>header .quiet{font-size:.85rem;margin-left:auto}.card>*+*{margin-top:.8rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.6rem 1.4rem}
.facts dt{font-size:.78rem;color:var(--quiet)}.facts dd{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.findings li{display:grid;grid-template-columns:5.2rem 1fr;gap:.7rem;padding:.35rem 0;align-items:baseline}
.findings .badge{text-align:center}.findings p{overflow-wrap:anywhere}
.banner{border-left:.3rem solid var(--bad);background:var(--bad-back);border-radius:.4rem;padding:.7rem 1rem;
margin-top:1rem;overflow-wrap:anywhere}.banner.warn{border-color:var(--amber);background:var(--warn-back);color:var(--text)}
.banner li+li{margin-top:.25rem}
.error{color:var(--bad);overflow-wrap:anywhere}
.timeline{display:flex;gap:2px;height:3.2rem;padding-top:.45rem}
.cell{--ink:var(--grey);--paper:var(--grey-back);flex:1 1 0;min-width:1px;border-radius:2px;position:relative;
background:linear-gradient(to top,var(--ink) var(--fill,0%),var(--paper) var(--fill,0%))}
.cell.past{--ink:var(--accent);--paper:var(--pale)}.cell.current{--ink:var(--ok);--paper:var(--ok-back)}
.cell.now::before{content:"";position:absolute;left:50%;top:-.5rem;transform:translateX(-50%);
border:.3rem solid transparent;border-top-color:var(--text)}
.cell.ahead{--ink:var(--accent);--paper:transparent;border:1px solid var(--accent);opacity:.75}
.cell.expired{--ink:var(--grey);--paper:var(--grey-back);opacity:.8}
.cell.unrecognised{--ink:var(--amber);--paper:var(--warn-back)}
.cell.missing{background:repeating-linear-gradient(135deg,var(--bad) 0 2px,var(--bad-back) 2px 6px)}
.axis{display:flex;justify-content:space-between;font-size:.78rem;color:var(--quiet);margin-top:.25rem!important;
font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-size:.82rem;color:var(--quiet);margin-top:.35rem!important}
.legend .warn{color:var(--warn);font-weight:600}
.key{display:inline-block;width:.65rem;height:.65rem;border-radius:2px;margin-right:.4rem;background:var(--grey)}
.key.past,.key.active,.key.pending{background:var(--accent)}.key.current{background:var(--ok)}
.key.ahead{background:transparent;border:1px solid var(--accent)}
.key.unrecognised,.key.stuck{background:var(--amber)}.key.missing,.key.dead{background:var(--bad)}
.key.other{background:var(--quiet)}
table{border-collapse:collapse;width:100%;max-width:38rem}
th,td{text-align:left;padding:.32rem .8rem .32rem 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{font-size:.78rem;color:var(--quiet)}tbody tr:last-child>*{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}
.pools{display:grid;gap:1.1rem}
.pool{display:grid;grid-template-columns:minmax(6rem,auto) 1fr auto;gap:.3rem .9rem;align-items:baseline}
.pool .bar,.pool .legend{grid-column:1/-1}.use{font-variant-numeric:tabular-nums}
.bar{display:flex;height:.8rem;border-radius:.4rem;overflow:hidden;background:var(--grey-back)}
.bar i{background:var(--quiet)}.bar .active{background:var(--accent)}.bar .idle{background:var(--grey)}
.bar .stuck{background:var(--amber)}.pool.critical .bar{box-shadow:0 0 0 2px var(--bad)}
.acts{font-size:.86rem;border-top:1px solid var(--line);padding-top:.6rem}
.acts li{overflow-wrap:anywhere;padding:.1rem 0}.acts b{font-weight:600}
footer{margin-top:2rem;font-size:.82rem;color:var(--quiet);display:flex;gap:.3rem 1.4rem;flex-wrap:wrap}
footer a{color:inherit}
@media (max-width:36rem){.card>header .quiet,.top .quiet{margin-left:0;width:100%}.findings li{grid-template-columns:1fr;gap:.1rem}
.findings .badge{justify-self:start}}
)css";
}

}  // namespace pgcaretaker::http
