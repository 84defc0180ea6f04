// The filters of the job list. They live in the URL, so that a list can be kept and sent.
import { Icon, count, looks, parse } from "taskcast-ui";
const LISTS = ["status", "type", "queue", "priority"];
export default {
  components: { Icon },
  template: `<div class="filters" role="search" aria-label="Filter jobs">
    <label class="fld q" :class="{set: f.q}"><Icon name="search"/><input type="search" placeholder="Words in type, error or message, or an id" aria-label="Search words" v-model="f.q" @input="soon" @keydown.enter="now"></label>
    <label class="fld sel" :class="{set: f.type}"><Icon name="zap"/><select aria-label="Type" v-model="f.type" @change="now"><option value="">All types</option><option v-for="t in all('type')" :key="t">{{ t }}</option></select></label>
    <label class="fld sel" :class="{set: f.queue}"><Icon name="layers"/><select aria-label="Queue" v-model="f.queue" @change="now"><option value="">All queues</option><option v-for="t in all('queue')" :key="t">{{ t }}</option></select></label>
    <label class="fld sel" :class="{set: f.priority}"><Icon name="arrow-up"/><select aria-label="Priority" v-model="f.priority" @change="now"><option value="">All priorities</option><option v-for="(l, p) in looks.priorities" :key="p" :value="p">{{ l }}</option></select></label>
    <button v-if="used" class="btn" type="button" @click="clear"><Icon name="x"/>Clear</button>
    <slot></slot>
    <div class="sts" role="group" aria-label="Status">
      <button v-for="(l, s) in looks.states" :key="s" class="st" type="button" :aria-pressed="String(f.status.includes(s))" :style="{'--c': 'var(--' + l.tone + ')', '--s': 'var(--' + l.tone + '-soft)'}" :data-status="s" @click="turn(s)"><Icon :name="l.icon"/>{{ l.label }}<em v-if="counts[s] != null">{{ count(counts[s]) }}</em></button>
    </div>
  </div>`,
  props: { initial: String },
  emits: ["change"],
  data: () => ({ f: { q: "", type: "", queue: "", priority: "", status: [] }, types: [], queues: [], counts: {}, looks }),
  created() { this.patch(this.initial); },
  unmounted() { clearTimeout(this.timer); },
  computed: { used() { return this.f.q || this.f.type || this.f.queue || this.f.priority || this.f.status.length; } },
  methods: {
    count,
    patch(text) { const p = parse(text); if (p.filter) this.f = { q: p.filter.q || "", type: p.filter.type?.[0] || "", queue: p.filter.queue?.[0] || "", priority: p.filter.priority?.[0] || "", status: [...(p.filter.status || [])] }; for (const k of ["types", "queues", "counts"]) if (p[k]) this[k] = p[k]; },
    all(key) { const known = key === "type" ? this.types : this.queues, mine = this.f[key]; return mine && !known.includes(mine) ? [mine, ...known] : known; },
    turn(state) { const s = this.f.status; this.f.status = s.includes(state) ? s.filter((x) => x !== state) : [...s, state]; this.now(); },
    clear() { this.f = { q: "", type: "", queue: "", priority: "", status: [] }; this.now(); },
    soon() { clearTimeout(this.timer); this.timer = setTimeout(this.now, 350); },
    now() {
      clearTimeout(this.timer);
      const url = new URL(location.href), out = { q: this.f.q.trim() };
      for (const key of LISTS) { url.searchParams.delete(key); out[key] = key === "status" ? [...this.f.status] : this.f[key] ? [this.f[key]] : []; for (const v of out[key]) url.searchParams.append(key, v); }
      if (out.q) url.searchParams.set("q", out.q); else url.searchParams.delete("q");
      history.replaceState({ page: url.pathname.slice((window.path_prefix || "").length) + url.search }, "", url);
      this.$emit("change", out);
    },
  },
};
