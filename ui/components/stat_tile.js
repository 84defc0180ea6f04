// A number, a word beside it and its course of late.
import { Icon, parse } from "taskcast-ui";
const MOST = 120;
export default {
  components: { Icon },
  template: `
  <div class="card tile" :style="{'--c': 'var(--' + tone + ')'}" :aria-busy="text == null">
    <div class="tile-l"><Icon :name="icon"/>{{ label }}</div>
    <div class="tile-v"><b v-if="text != null">{{ text }}</b><span v-else class="bone" style="width: 64px; height: 22px; margin: 4px auto 4px 0"></span><em v-if="unit && text != null">{{ unit }}</em><span :title="hint">{{ hint }}</span></div>
    <svg v-if="points.length > 4" class="spark" :viewBox="'0 0 ' + (points.length - 1) + ' 38'" preserveAspectRatio="none" aria-hidden="true">
      <defs><linearGradient :id="gid" x1="0" y1="0" x2="0" y2="1"><stop offset="0" style="stop-color: var(--c)" stop-opacity=".22"/><stop offset="1" style="stop-color: var(--c)" stop-opacity="0"/></linearGradient></defs>
      <path :d="path + 'L' + (points.length - 1) + ',38L0,38Z'" :fill="'url(#' + gid + ')'"/>
      <path :d="path" fill="none" stroke="var(--c)" stroke-width="1.6" stroke-linejoin="round" vector-effect="non-scaling-stroke"/>
    </svg>
  </div>`,
  props: { label: String, unit: String, icon: String, tone: String, initial: String },
  data() { return { text: null, hint: "", points: [], gid: "g" + Math.random().toString(36).slice(2) }; },
  created() { if (this.initial) this.patch(this.initial); },
  computed: {
    path() {
      const lo = Math.min(...this.points), hi = Math.max(...this.points), k = hi === lo ? 0 : 26 / (hi - lo), floor = hi === lo ? (hi ? 20 : 34) : 34;
      return this.points.map((v, i) => (i ? "L" : "M") + i + "," + (floor - (v - lo) * k).toFixed(1)).join("");
    },
  },
  methods: { patch(text) { const p = parse(text); this.text = p.text; this.hint = p.hint || ""; this.points = p.points.slice(-MOST); } },
};
