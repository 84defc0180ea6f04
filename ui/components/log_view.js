// Log lines, only those in view as DOM: fixed line height, follow, level and text filter in the browser. A line is
// [key, at, level, attempt, message, details, job's type, number]; texts are text nodes.
import { Icon, parse, timeOf } from "taskcast-ui";
const LH = 20, RANK = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, GAP: 4 };
export default {
  components: { Icon },
  template: `
  <div class="lvb" :class="{bare: bar && !size}">
    <div v-if="bar && size" class="lv-h">
      <div class="seg" role="group" aria-label="Least level"><button v-for="l in levels" :key="l[0]" :aria-pressed="String(level === l[0])" @click="filter(null, l[0])">{{ l[1] }}</button></div>
      <label class="dock-f"><Icon name="search"/><input type="search" placeholder="Filter log lines" aria-label="Filter log lines" :value="query" @input="filter($event.target.value, null)"></label>
      <label v-if="attempts > 1 || attempt" class="fld sel lv-at" :class="{set: attempt}"><select aria-label="Attempt" v-model.number="attempt" @change="filter(null, null)"><option :value="0">All attempts</option><option v-for="n in attempts" :key="n" :value="n">Attempt {{ n }}</option></select></label>
      <span class="sp"></span>
      <button v-if="earlier" class="mini" :disabled="loading" @click="all"><Icon name="arrow-up"/>{{ loading ? 'Loading…' : 'Load the whole log' }}</button>
      <a v-if="download" class="mini" :href="download" download><Icon name="download"/>Download</a>
    </div>
    <div class="lv">
      <div class="lv-body" ref="body" @scroll.passive="onScroll" tabindex="0" role="log" aria-live="off" :aria-label="label">
        <div :style="{height: total * LH + 8 + 'px', position: 'relative'}">
          <component v-for="l in win" :key="l.k" :is="l.more ? 'button' : 'div'" class="lv-line" :class="'lv-' + l.lvl" :style="{transform: 'translateY(' + (l.y + 4) + 'px)'}" :aria-expanded="l.more ? String(open === l.more) : undefined" @click="l.more && (open = open === l.more ? null : l.more)">
            <span class="lv-t">{{ l.t }}</span><template v-if="l.lvl === 'GAP'"><span class="lv-gap">{{ l.m }}</span></template><template v-else><span class="lv-l">{{ l.lvl }}</span><span v-if="wide" class="lv-j">{{ l.job }}</span><span v-else-if="attempts > 1" class="lv-a">#{{ l.a }}</span><span class="lv-m"><template v-for="p in l.parts"><mark v-if="p.m">{{ p.x }}</mark><template v-else>{{ p.x }}</template></template></span><span v-if="l.more" class="lv-x" aria-label="Show details">▸ details</span></template>
          </component>
        </div>
      </div>
      <div v-if="!total" class="lv-none">{{ size ? 'No line matches.' : why ?? quiet }}</div>
      <button v-if="!follow && total" class="lv-tail" @click="tail"><Icon name="arrow-down"/>Follow{{ missed ? ' · ' + missed + ' new' : '' }}</button>
    </div>
    <div v-if="open" class="lv-more"><button class="mini" @click="open = null"><Icon name="x"/>Close</button>{{ open }}</div>
  </div>`,
  props: { maxLines: { type: Number, default: 50000 }, initial: String, bar: Boolean, wide: Boolean, label: { type: String, default: "Log" }, quiet: { type: String, default: "No log lines." }, download: String },
  emits: ["all"],
  data: () => ({ why: null, ver: 0, top: 0, height: 400, follow: true, query: "", level: "", missed: 0, open: null, earlier: false, loading: false, attempts: 0, attempt: 0, LH, levels: [["", "All"], ["INFO", "Info"], ["WARNING", "Warn"], ["ERROR", "Error"]] }),
  created() { this.buf = []; this.view = this.buf; },   // not reactive on purpose: tens of thousands of lines
  mounted() {
    this.ro = new ResizeObserver(() => { if (!this.$refs.body) return; this.height = this.$refs.body.clientHeight; if (this.follow) this.tail(); });
    this.ro.observe(this.$refs.body);
    if (this.initial) this.reset(this.initial);
    window.addEventListener("taskcast:attempt", this.show);
  },
  unmounted() { this.ro.disconnect(); window.removeEventListener("taskcast:attempt", this.show); },
  computed: {
    total() { this.ver; return this.view.length; },
    size() { this.ver; return this.buf.length; },
    win() {
      this.ver;
      const a = Math.max(0, Math.floor(this.top / LH) - 10), b = Math.min(this.view.length, a + Math.ceil(this.height / LH) + 20), out = [];
      for (let i = a; i < b; i++) { const [k, at, lvl, n, m, more, job] = this.view[i]; out.push({ k, t: at == null ? "            " : timeOf(at, true), lvl, a: n, job, m, more, y: i * LH, parts: this.split(m) }); }
      return out;
    },
  },
  methods: {
    say(text) { this.why = parse(text); },
    reset(text) { const p = parse(text); this.earlier = !!p.earlier; this.loading = false; this.open = null; this.buf = []; this.attempts = 0; this.append(p.lines); },
    append(text) {
      const lines = parse(text);
      for (const line of lines) this.buf.push(line);
      for (const l of lines) if (l[3] > this.attempts) this.attempts = l[3];
      if (this.buf.length > this.maxLines) this.buf.splice(0, this.buf.length - this.maxLines);
      if (!this.follow) this.missed += lines.length;
      this.refilter();
      if (this.follow) this.$nextTick(this.tail);
    },
    refilter() {
      const q = this.query.toLowerCase(), least = RANK[this.level] ?? -1;
      this.view = q || this.level || this.attempt ? this.buf.filter((l) => (!this.attempt || l[3] === this.attempt) && (RANK[l[2]] ?? 1) >= least && (!q || ((l[6] || "") + " " + l[4] + " " + (l[5] || "")).toLowerCase().includes(q))) : this.buf;
      this.ver++;
    },
    filter(query, level) { if (query !== null) this.query = query; if (level !== null) this.level = level; this.refilter(); this.$nextTick(this.tail); },
    split(m) {
      const i = this.query ? m.toLowerCase().indexOf(this.query.toLowerCase()) : -1;
      return i < 0 ? [{ x: m }] : [{ x: m.slice(0, i) }, { x: m.slice(i, i + this.query.length), m: true }, { x: m.slice(i + this.query.length) }];
    },
    show(event) { if (event.detail.root.contains(this.$el)) { this.attempts = Math.max(this.attempts, event.detail.attempt); this.attempt = event.detail.attempt; this.filter(null, null); this.$el.scrollIntoView({ behavior: "smooth", block: "nearest" }); } },
    all() { this.loading = true; this.$emit("all"); },
    tail() { const b = this.$refs.body; if (!b) return; this.follow = true; this.missed = 0; b.scrollTop = b.scrollHeight; this.top = b.scrollTop; },
    onScroll() { const b = this.$refs.body; this.top = b.scrollTop; this.follow = b.scrollTop + b.clientHeight >= b.scrollHeight - LH; if (this.follow) this.missed = 0; },
  },
};
