// The filters of the job list. They live in the URL, so that a list can be kept and sent.
import { Icon, count, looks, parse } from "taskcast-ui";
const LISTS = ["status", "type", "queue", "priority", "final_reason"], MANY = ["status", "final_reason"];
const NONE = () => ({ q: "", type: "", queue: "", priority: "", status: [], dead: false, final_reason: [] });
export default {
  components: { Icon },
  template: `<div class="filters" role="search" aria-label="Filter jobs">
    <div class="seg views" role="group" aria-label="Which list"><button type="button" :aria-pressed="String(!f.dead)" @click="see(false)"><Icon name="list-checks"/>All jobs</button><button type="button" :aria-pressed="String(f.dead)" data-testid="dead" @click="see(true)"><Icon name="archive-x"/>Dead letters</button></div>
    <label class="fld q" :class="{set: f.q}"><Icon name="search"/><input type="search" placeholder="Words in type, error or message, or an id" aria-label="Search words" v-model="f.q" @input="soon" @keydown.enter="now"></label>
    <label class="fld sel" :class="{set: f.type}"><Icon name="zap"/><select aria-label="Type" v-model="f.type" @change="now"><option value="">All types</option><option v-for="t in all('type')" :key="t">{{ t }}</option></select></label>
    <label class="fld sel" :class="{set: f.queue}"><Icon name="layers"/><select aria-label="Queue" v-model="f.queue" @change="now"><option value="">All queues</option><option v-for="t in all('queue')" :key="t">{{ t }}</option></select></label>
    <label class="fld sel" :class="{set: f.priority}"><Icon name="arrow-up"/><select aria-label="Priority" v-model="f.priority" @change="now"><option value="">All priorities</option><option v-for="(l, p) in looks.priorities" :key="p" :value="p">{{ l }}</option></select></label>
    <button v-if="used" class="btn" type="button" @click="clear"><Icon name="x"/>Clear</button>
    <slot></slot>
    <div v-if="f.dead" class="sts" role="group" aria-label="Reason">
      <button v-for="(l, s) in looks.dead_letters" :key="s" class="st" type="button" :aria-pressed="String(f.final_reason.includes(s))" style="--c: var(--bad); --s: var(--bad-soft)" :data-reason="s" :title="looks.final_reasons[s]" @click="turn('final_reason', s)">{{ l }}</button>
    </div>
    <div v-else class="sts" role="group" aria-label="Status">
      <button v-for="(l, s) in looks.states" :key="s" class="st" type="button" :aria-pressed="String(f.status.includes(s))" :style="{'--c': 'var(--' + l.tone + ')', '--s': 'var(--' + l.tone + '-soft)'}" :data-status="s" @click="turn('status', s)"><Icon :name="l.icon"/>{{ l.label }}<em v-if="counts[s] != null">{{ count(counts[s]) }}</em></button>
    </div>
  </div>`,
  props: { initial: String },
  emits: ["change"],
  data: () => ({ f: NONE(), types: [], queues: [], counts: {}, looks }),
  created() { this.patch(this.initial); },
  unmounted() { clearTimeout(this.timer); },
  computed: { used() { return this.f.q || this.f.type || this.f.queue || this.f.priority || this.f.status.length || this.f.final_reason.length; } },
  methods: {
    count,
    patch(text) { const p = parse(text); if (p.filter) this.f = { q: p.filter.q || "", type: p.filter.type?.[0] || "", queue: p.filter.queue?.[0] || "", priority: p.filter.priority?.[0] || "", dead: !!p.filter.dead, status: p.filter.dead ? [] : [...(p.filter.status || [])], final_reason: [...(p.filter.final_reason || [])] }; for (const k of ["types", "queues", "counts"]) if (p[k]) this[k] = p[k]; },
    all(key) { const known = key === "type" ? this.types : this.queues, mine = this.f[key]; return mine && !known.includes(mine) ? [mine, ...known] : known; },
    turn(key, word) { const s = this.f[key]; this.f[key] = s.includes(word) ? s.filter((x) => x !== word) : [...s, word]; this.now(); },
    see(dead) { if (this.f.dead !== dead) { this.f = { ...this.f, dead, status: [], final_reason: [] }; this.now(); } },
    clear() { this.f = { ...NONE(), dead: this.f.dead }; this.now(); },
    soon() { clearTimeout(this.timer); this.timer = setTimeout(this.now, 350); },
    now() {
      clearTimeout(this.timer);
      const url = new URL(location.href), out = { q: this.f.q.trim(), view: this.f.dead ? "dead" : "" };
      for (const key of LISTS) { url.searchParams.delete(key); out[key] = MANY.includes(key) ? [...this.f[key]] : this.f[key] ? [this.f[key]] : []; for (const v of out[key]) url.searchParams.append(key, v); }
      for (const key of ["q", "view"]) if (out[key]) url.searchParams.set(key, out[key]); else url.searchParams.delete(key);
      history.replaceState({ page: url.pathname.slice((window.path_prefix || "").length) + url.search }, "", url);
      this.$emit("change", out);
    },
  },
};
