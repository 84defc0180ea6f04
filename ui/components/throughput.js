// Jobs that ended per bucket as stacked bars: drawn here, so that every colour is a token and nothing is loaded for it.
import { count, parse } from "taskcast-ui";
const AXIS = 22, LEFT = 38, TOP = 8;
export default {
  template: `
  <div class="tpc" ref="box" @pointerleave="over = null">
    <svg v-if="buckets.length" role="img" :aria-label="summary" tabindex="0" @keydown.left.prevent="move(-1)" @keydown.right.prevent="move(1)" @keydown.esc="over = null" @blur="over = null">
      <g v-for="t in ticks" :key="t.v"><line class="gl" :x1="${LEFT}" :x2="w" :y1="t.y" :y2="t.y"/><text :x="${LEFT} - 8" :y="t.y + 4" text-anchor="end">{{ t.t }}</text></g>
      <g v-for="b in bars" :key="b.i">
        <rect class="hit" :class="{on: over === b.i}" :x="b.x" :y="${TOP}" :width="step" :height="plot" @pointerenter="over = b.i"/>
        <path v-for="s in b.parts" :key="s.c" :class="s.c" :d="s.d" pointer-events="none"/>
      </g>
      <text v-for="l in labels" :key="l.x" :x="l.x" :y="h - 5" text-anchor="middle">{{ l.t }}</text>
    </svg>
    <div v-else-if="loaded" class="lv-none">{{ problem || 'No job has ended in this time yet.' }}</div>
    <span v-else class="bone" style="position: absolute; inset: 14px 14px 24px 38px" aria-label="Loading"></span>
    <div v-if="tip" class="tip" :style="{left: tip.x + 'px'}"><b>{{ tip.when }}</b><div><span>Completed</span><span>{{ tip.b[1] }}</span></div><div><span>Failed</span><span>{{ tip.b[2] }}</span></div><div v-if="tip.b[3]"><span>Cancelled</span><span>{{ tip.b[3] }}</span></div></div>
  </div>`,
  props: { initial: String },
  data() { return { buckets: [], every: 60, w: 600, h: 166, over: null, loaded: false, problem: "" }; },   // bucket: [at ms, completed, failed, cancelled]
  created() { if (this.initial) this.patch(this.initial); },
  mounted() { this.ro = new ResizeObserver(() => { const b = this.$refs.box; this.w = b.clientWidth - 18; this.h = b.clientHeight - 16; }); this.ro.observe(this.$refs.box); },
  unmounted() { this.ro.disconnect(); },
  computed: {
    plot() { return this.h - TOP - AXIS; },
    step() { return (this.w - LEFT) / (this.buckets.length || 1); },
    most() {
      const top = Math.max(4, ...this.buckets.map((b) => b[1] + b[2] + b[3]));
      const unit = 10 ** Math.floor(Math.log10(top / 4)), nice = [1, 2, 2.5, 5, 10].map((n) => n * unit).find((n) => n * 4 >= top && Number.isInteger(n));
      return (nice || Math.ceil(top / 4)) * 4;
    },
    ticks() { return [0, 1, 2, 3, 4].map((i) => ({ v: i, t: short(this.most * i / 4), y: TOP + this.plot * (1 - i / 4) })); },
    bars() {
      const gap = this.step > 6 ? this.step * .26 : this.step * .14, width = Math.min(26, this.step - gap), r = Math.min(2.5, width / 2);
      return this.buckets.map((b, i) => {
        const x = LEFT + i * this.step, at = x + (this.step - width) / 2, parts = [];
        let y = TOP + this.plot;
        const stack = [[b[1], "b-ok"], [b[3], "b-cut"], [b[2], "b-bad"]].filter(([n]) => n);
        for (const [n, c] of stack) {
          const tall = Math.max(1.5, (n / this.most) * this.plot);
          y -= tall;
          const k = c === stack.at(-1)[1] ? Math.min(r, tall) : 0;
          parts.push({ c, d: `M${at},${y + tall}v${-(tall - k)}q0,${-k} ${k},${-k}h${width - 2 * k}q${k},0 ${k},${k}v${tall - k}Z` });
        }
        return { i, x, parts };
      });
    },
    labels() {
      const n = this.buckets.length, each = Math.max(1, Math.ceil(n / Math.max(2, Math.floor((this.w - LEFT) / 92)))), out = [];
      for (let i = 0; i < n; i += each) { const x = LEFT + (i + .5) * this.step; if (x < this.w - 14) out.push({ x: Math.max(x, LEFT + 10), t: this.when(this.buckets[i][0], true) }); }
      return out;
    },
    tip() {
      const b = this.buckets[this.over];
      return b && { b: b.map((v, i) => (i ? count(v) : v)), when: this.when(b[0], false), x: Math.min(this.w - 50, Math.max(90, LEFT + 6 + (this.over + .5) * this.step)) };
    },
    summary() { const s = (i) => this.buckets.reduce((sum, b) => sum + b[i], 0); return `Throughput: ${s(1)} jobs completed, ${s(2)} failed, ${s(3)} cancelled in the time shown`; },
  },
  methods: {
    patch(text) { const p = parse(text); this.every = p.every; this.loaded = p.loaded; this.problem = p.problem || ""; this.buckets = p.buckets.some((b) => b[1] + b[2] + b[3]) ? p.buckets : []; },
    when(ms, brief) {
      const d = new Date(ms), time = d.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
      const day = d.toLocaleDateString("en", { weekday: "short", day: "numeric", month: brief ? undefined : "short" });
      return this.every >= 3600 ? (brief ? day : `${day}, ${time}`) : time;
    },
    move(by) { const n = this.buckets.length; this.over = this.over == null ? (by > 0 ? 0 : n - 1) : Math.min(n - 1, Math.max(0, this.over + by)); },
  },
};
const short = (n) => (n >= 1e6 ? +(n / 1e6).toFixed(1) + "M" : n >= 1e4 ? +(n / 1e3).toFixed(1) + "k" : String(+n.toFixed(2)));
