#include "engine/report_template.h"

namespace jarvis2::engine {

const std::string_view kReportTemplate = R"page(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>jarvis2 run</title>
<style>
:root{--ink:#1d2733;--soft:#5b6877;--line:#d9dfe6;--paper:#fff;--tint:#f4f6f9;--good:#1a7f4b;--bad:#b3392f;--warn:#9a6700;--mark:#2f6fde}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#323c48;--paper:#151b22;--tint:#1d252e;--good:#4cc38a;--bad:#f0776c;--warn:#e0b05a;--mark:#7aa7f7}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1040px;margin:0 auto;padding:28px 20px 80px}h1{font-size:30px;margin:0 0 2px}h2{font-size:18px;margin:38px 0 10px}
p{margin:6px 0}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
table{border-collapse:collapse;width:100%;font-size:13.5px}th{text-align:left;color:var(--soft);font-weight:500}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code,pre{font:12.5px/1.45 ui-monospace,Menlo,Consolas,monospace}pre{background:var(--tint);padding:12px 14px;overflow:auto;border-radius:6px;margin:0}
pre .a{color:var(--good)}pre .d{color:var(--bad)}pre .h{color:var(--mark)}.wrap{overflow-x:auto}
svg{display:block;max-width:100%;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
.cards{display:flex;flex-wrap:wrap;gap:10px 34px;margin-top:14px}.cards b{display:block;font-size:17px;font-weight:600}.cards span{color:var(--soft);font-size:13px}
ul.tree{list-style:none;padding-left:18px;margin:0;border-left:1px solid var(--line)}ul.tree li{margin:2px 0;font-size:13px}
details>summary{cursor:pointer;color:var(--soft)}
</style></head><body><main id="page"><noscript>This page draws its figures with a script of its own; the numbers are in result.json.</noscript></main>
<script>
const R=@RESULT@;
const T=@TREE@;
const page=document.getElementById('page');
const esc=s=>String(s).replace(/[&<>"]/g,c=>({'&':'&amp;','<':'&lt;','>':'&gt;','"':'&quot;'}[c]));
const add=html=>page.insertAdjacentHTML('beforeend',html);
const x3=v=>v==null?'–':v.toFixed(3)+'×';
const pct=v=>(100*v).toFixed(1)+' %';
const sec=v=>v<120?v.toFixed(1)+' s':(v/60).toFixed(1)+' min';
// Tick positions for a range.
function ticks(lo,hi,n){const raw=(hi-lo)/n,p=Math.pow(10,Math.floor(Math.log10(raw)));const s=[1,2,5,10].map(m=>m*p).find(m=>m>=raw);const out=[];for(let v=Math.ceil(lo/s)*s;v<=hi+1e-12;v+=s)out.push(+v.toFixed(10));return out}
const good=R.verdict==='faster';
const s=R.speedup;
add(`<h1 class="${good?'good':'warn'}">${good?'Faster: '+x3(s.estimate):esc(R.verdict[0].toUpperCase()+R.verdict.slice(1))}</h1>`);
add(good?`<p>${x3(s.low)} to ${x3(s.high)} at ${pct(s.confidence)} confidence, ${esc(R.claim)}.</p><p class="soft">${esc(R.reason)}</p>`:`<p>${esc(R.reason)}</p>`);
const J=R.confirmation&&R.confirmation.judgement;
add('<div class="cards">'+[
 ['Run',R.id],['Commit',R.baseline.commit.slice(0,12)],['Candidates tried',R.candidates.length],['Simulations',R.search.simulations.toLocaleString('en')],
 ['Instrument',J?J.instrument:'–'],['Changed lines',R.changed_lines],['Time',sec(R.seconds)]].map(c=>`<div><b>${esc(c[1])}</b><span>${c[0]}</span></div>`).join('')+'</div>');
for(const c of R.baseline.corrections)add(`<p class="warn">Baseline corrected: ${esc(c)}</p>`);
for(const c of R.baseline.warnings)add(`<p class="warn">${esc(c)}</p>`);
// ---- measurements ----
if(J&&J.samples&&J.samples.length){
 add('<h2>Measurements</h2><p class="soft">Each dot is a pair of fresh runs: time of the original over time of the candidate, in the order measured. The band is the interval, the grey line is equal speed'+(J.aa?`; the original against itself in this session gave ${x3(J.aa.estimate)} (${x3(J.aa.low)} to ${x3(J.aa.high)})`:'')+'.</p>');
 const r=J.samples.map(p=>Math.exp(p.log_ratio)),sorted=[...r].sort((a,b)=>a-b),q=f=>sorted[Math.min(sorted.length-1,Math.floor(f*sorted.length))];
 let lo=Math.min(0.97,q(0.02)),hi=Math.max(1.03,q(0.98));const pad=(hi-lo)*0.08;lo-=pad;hi+=pad;
 const W=980,H=270,L=52,B=28,X=i=>L+8+(W-L-90)*(r.length<2?0.5:i/(r.length-1)),Y=v=>8+(H-B-8)*(1-(Math.min(hi,Math.max(lo,v))-lo)/(hi-lo));
 let g='';for(const t of ticks(lo,hi,6))g+=`<line x1="${L}" x2="${W-82}" y1="${Y(t)}" y2="${Y(t)}" stroke="var(--line)"/><text x="${L-6}" y="${Y(t)+4}" text-anchor="end">${t.toFixed(2)}</text>`;
 const e=J.ratio;if(e&&e.low!=null&&e.high!=null)g+=`<rect x="${L}" width="${W-82-L}" y="${Y(e.high)}" height="${Math.max(1,Y(e.low)-Y(e.high))}" fill="var(--good)" opacity=".15"/>`;
 g+=`<line x1="${L}" x2="${W-82}" y1="${Y(1)}" y2="${Y(1)}" stroke="var(--soft)" stroke-dasharray="5 4"/>`;
 g+=r.map((v,i)=>`<circle cx="${X(i)}" cy="${Y(v)}" r="3.2" fill="var(--mark)" opacity=".65"><title>pair ${i+1}: ${v.toFixed(4)}</title></circle>`).join('');
 const bins=24,n=Array(bins).fill(0);for(const v of r){n[Math.max(0,Math.min(bins-1,Math.floor((v-lo)/(hi-lo)*bins)))]++}const m=Math.max(...n);
 n.forEach((c,i)=>{const h=(H-B-8)/bins;g+=`<rect x="${W-74}" y="${H-B-(i+1)*h}" width="${66*c/m}" height="${h-1}" fill="var(--mark)" opacity=".5"/>`});
 add(`<svg viewBox="0 0 ${W} ${H}" width="${W}" role="img" aria-label="ratios of all pairs">${g}<text x="${(W-82+L)/2}" y="${H-6}" text-anchor="middle">pair, in order</text></svg>`);
 if(J.layouts)add(`<p class="soft">${J.layouts.base} and ${J.layouts.candidate} link orders, drawn for each pair; they move the time by ${pct(J.layouts.base_deviation)} and ${pct(J.layouts.candidate_deviation)}, which is in the interval.</p>`);
 if(J.confirmation)add(`<p class="soft">By the wall clock, in sequence: ${x3(J.confirmation.estimate)} (${x3(J.confirmation.low)} to ${x3(J.confirmation.high)}), ${J.confirmation.pairs} pairs. Instrument of the claim: ${esc(J.instrument)} (${esc(J.instrument_reason)}).</p>`);
 for(const t of J.notes)add(`<p class="soft">${esc(t)}</p>`);
}
// ---- how well it is checked ----
const S=R.strength,G=R.confirmation&&R.confirmation.generated;
if(good&&(S||G)){
 add('<h2>How well it is checked</h2>');
 if(S&&S.weakly_checked)add('<p class="warn">Weakly checked: only rules that are always safe are in the patch.</p>');
 const rows=[];
 if(S&&S.coverage_tool)rows.push(['Changed lines that the tests run',`${S.covered_lines} of ${S.changed_lines}`,S.coverage_tool]);
 if(S&&S.mutants)rows.push(['Small faults that tests or output notice',`${S.noticed} of ${S.mutants}`,(S.missed||[]).slice(0,6).join('; ')]);
 if(G)rows.push(['Generated inputs answered as before',`${G.inputs}`,G.functions.length?G.functions.slice(0,8).join(', '):(G.notes||[]).slice(0,3).join('; ')]);
 add('<div class="wrap"><table><tbody>'+rows.map(r=>`<tr><td>${esc(r[0])}</td><td class="n">${esc(r[1])}</td><td class="soft">${esc(r[2])}</td></tr>`).join('')+'</tbody></table></div>');
 for(const n of (S&&S.notes)||[])add(`<p class="soft">${esc(n)}</p>`);
}
// ---- actions ----
if(R.actions.length){
 add('<h2>What the patch does</h2><div class="wrap"><table><thead><tr><th>#</th><th>change</th><th>where</th><th class="n">share of time</th><th class="n">contribution</th></tr></thead><tbody>'+
 R.actions.map(a=>`<tr><td>${a.n}</td><td>${esc(a.title||a.rule)}<br><code class="soft">${esc(a.rule)}</code> <span class="${a.safety==='always-safe'?'good':'warn'}">${esc(a.safety)}</span>${a.note?`<br><span class="soft">${esc(a.note)}</span>`:''}</td><td><code>${esc(a.path)}:${a.line}</code><br><span class="soft">${esc(a.symbol)}</span></td><td class="n">${pct(a.share)}</td><td class="n">${a.contribution?(a.contribution.required?'needed':x3(a.contribution.ratio)+`<br><span class="soft">${x3(a.contribution.low)} – ${x3(a.contribution.high)}</span>`):'–'}</td></tr>`).join('')+'</tbody></table></div>');
 add('<p class="soft">Contribution: the time of the champion without this change over the champion’s time (leave one out); “needed” where the rest is not correct without it.</p>');
}
if(R.patch){add('<h2>Patch</h2><pre>'+R.patch.split('\n').map(l=>{const c=/^(\+\+\+|---|diff|index|new file|deleted)/.test(l)?'h':l[0]==='+'?'a':l[0]==='-'?'d':l.startsWith('@@')?'h':'';return c?`<span class="${c}">${esc(l)}</span>`:esc(l)}).join('\n')+'</pre>')}
// ---- Pareto front ----
if(R.archive.length>1){
 add('<h2>Speed against size of the change</h2><p class="soft">Every correct set that was measured; the line joins those that none beats in both.</p>');
 const P=R.archive,W=980,H=300,L=52,B=34,ys=P.map(p=>p.ratio),xs=P.map(p=>p.changed_lines);
 const lo=Math.min(0.98,...ys),hi=Math.max(1.02,...ys)*1.01,mx=Math.max(1,...xs)*1.05,X=v=>L+(W-L-16)*v/mx,Y=v=>8+(H-B-8)*(1-(v-lo)/(hi-lo));
 let g='';for(const t of ticks(lo,hi,6))g+=`<line x1="${L}" x2="${W-10}" y1="${Y(t)}" y2="${Y(t)}" stroke="var(--line)"/><text x="${L-6}" y="${Y(t)+4}" text-anchor="end">${t.toFixed(2)}</text>`;
 for(const t of ticks(0,mx,8))g+=`<text x="${X(t)}" y="${H-16}" text-anchor="middle">${t}</text>`;
 const f=P.filter(p=>p.pareto).sort((a,b)=>a.changed_lines-b.changed_lines);
 g+=`<polyline fill="none" stroke="var(--good)" stroke-width="1.5" points="${f.map(p=>X(p.changed_lines)+','+Y(p.ratio)).join(' ')}"/>`;
 g+=P.map(p=>`<circle cx="${X(p.changed_lines)}" cy="${Y(p.ratio)}" r="${p.pareto?5:3.5}" fill="${p.pareto?'var(--good)':'var(--soft)'}" opacity="${p.pareto?.95:.5}"><title>#${p.n}: ${p.ratio.toFixed(3)}×, ${p.changed_lines} lines, ${p.actions} actions</title></circle>`).join('');
 add(`<svg viewBox="0 0 ${W} ${H}" width="${W}" role="img" aria-label="speed-up against changed lines">${g}<text x="${W/2}" y="${H-2}" text-anchor="middle">changed lines</text><text x="4" y="10">speed-up</text></svg>`);
}
// ---- profile ----
if(R.profile.functions.length){
 add(`<h2>Where the time went</h2><p class="soft">The original, seen by ${esc(R.profile.tool)}, ${R.profile.samples.toLocaleString('en')} samples.</p>`);
 add('<div class="wrap"><table><thead><tr><th>function</th><th>place</th><th class="n">self</th><th class="n">with callees</th><th style="width:32%"></th></tr></thead><tbody>'+R.profile.functions.slice(0,12).map(f=>`<tr><td><code>${esc(f.name)}</code></td><td><code>${esc(f.path)}:${f.line}</code></td><td class="n">${pct(f.self)}</td><td class="n">${pct(f.total)}</td><td><svg viewBox="0 0 200 12" width="100%" height="12" preserveAspectRatio="none"><rect width="${200*f.total}" height="12" fill="var(--mark)" opacity=".25"/><rect width="${200*f.self}" height="12" fill="var(--mark)"/></svg></td></tr>`).join('')+'</tbody></table></div>');
}
for(const n of R.profile.notes)add(`<p class="soft">${esc(n)}</p>`);
// ---- tried ----
const name=id=>{const a=R.catalogue[id];return a?`${a.rule} ${a.path.split('/').pop()}:${a.line}`:'#'+id};
add('<h2>What was tried</h2><details'+(R.candidates.length<15?' open':'')+`><summary>${R.candidates.length} candidates</summary><div class="wrap"><table><thead><tr><th class="n">#</th><th>why</th><th>actions</th><th>outcome</th><th class="n">ratio</th></tr></thead><tbody>`+
R.candidates.map(c=>`<tr><td class="n">${c.n}</td><td>${esc(c.purpose)}</td><td title="${esc(c.actions.map(name).join('\n'))}">${c.actions.length>3?esc(c.actions.slice(0,2).map(name).join(', '))+` and ${c.actions.length-2} more`:esc(c.actions.map(name).join(', '))}</td><td class="${c.verdict==='rejected'?'bad':c.verdict==='faster'?'good':''}">${esc(c.verdict)}${c.reason&&c.verdict!=='screened'&&c.verdict!=='correct'?' · '+esc(c.stage)+': '+esc(c.reason.slice(0,160)):''}</td><td class="n">${x3(c.ratio)}</td></tr>`).join('')+'</tbody></table></div></details>');
// ---- search tree ----
if(T&&T.edges&&T.edges.length){
 add('<h2>The search tree</h2><p class="soft">The most visited moves; a number is how often the search went there, the value a natural log of the expected speed-up.</p>');
 const node=(t,d)=>!t.edges||!t.edges.length?'':'<ul class="tree">'+t.edges.filter(e=>e.visits>0).map(e=>`<li><b>${esc(e.action)}</b> <span class="soft">visits ${e.visits}, prior ${(+e.prior).toFixed(3)}${e.node?`, mean ${(+e.node.mean).toFixed(3)}, best ${(+e.node.best).toFixed(3)}`:''}</span>${e.node?(d<1?node(e.node,d+1):`<details><summary>further</summary>${node(e.node,d+1)}</details>`):''}</li>`).join('')+'</ul>';
 add(node(T.root||T,0));
}
// ---- the rest ----
add('<h2>Commands and machine</h2><div class="wrap"><table><tbody>'+R.baseline.bench.map(b=>`<tr><td>${b.holdout?'kept from the search':'benchmark'}</td><td><code>${esc(b.command)}</code></td><td class="n">${b.wall_s.toFixed(3)} s</td></tr>`).join('')+`<tr><td>build, tests</td><td></td><td class="n">${R.baseline.build_s.toFixed(1)} s, ${R.baseline.test_s.toFixed(1)} s</td></tr>`+Object.entries(R.machine).map(([k,v])=>`<tr><td>${esc(k)}</td><td colspan="2">${esc(typeof v==='object'?JSON.stringify(v):v)}</td></tr>`).join('')+'</tbody></table></div>');
for(const a of R.recommendations)add(`<p>Recommended, not part of the patch: ${esc(a.title)}</p>`);
add(`<p class="soft">Search ended because ${esc(R.search.ending)}. Next: <code>${esc(R.next)}</code></p>`);
</script></body></html>
)page";

}  // namespace jarvis2::engine
