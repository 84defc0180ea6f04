// All workers that were heard of lately; read-only here.
import { Icon, ago, clock, count, duration, parse, spelled } from "taskcast-ui";
const SILENT_MS = 45000;
export default {
  components: { Icon },
  template: `<div>
    <div v-if="items.length" class="wk"><section v-for="w in items" :key="w.id" class="card wkc" :class="{gone: w.stopped}" :data-worker="w.id" :aria-label="w.id">
      <div class="wkc-h"><Icon name="server" style="color: var(--faint)"/><b class="mono" :title="w.id">{{ w.id }}</b><span class="chip" :style="chip(w)"><Icon :name="word(w) === 'Running' ? 'activity' : word(w) === 'Silent' ? 'triangle-alert' : 'square'"/>{{ word(w) }}</span></div>
      <div v-if="w.slots" class="slots" role="img" :aria-label="taken(w) + ' of ' + w.slots + ' slots busy'"><i v-for="n in Math.min(w.slots, 40)" :key="n" :class="{f: n <= taken(w)}"></i></div>
      <dl><div><dt>Busy</dt><dd>{{ taken(w) }} of {{ w.slots }}</dd></div><div><dt>Queues</dt><dd>{{ w.queues?.length ? w.queues.join(', ') : 'all' }}</dd></div><div><dt>Seen</dt><dd>{{ ago(w.seen) }}</dd></div>
        <div><dt>CPU</dt><dd>{{ w.cpu == null ? '—' : Math.round(100 * w.cpu) + ' %' }}</dd></div><div><dt>Memory</dt><dd>{{ w.rss ? Math.round(w.rss / 1048576) + ' MB' : '—' }}</dd></div><div><dt>Loop lag</dt><dd>{{ w.lag == null ? '—' : spelled(duration(w.lag)) }}</dd></div>
        <div><dt>Host</dt><dd>{{ w.host }}</dd></div><div><dt>Process</dt><dd>{{ w.pid }}</dd></div><div><dt>{{ w.stopped ? 'Stopped' : 'Started' }}</dt><dd>{{ ago(w.stopped || w.started) }}</dd></div></dl>
      <div v-if="w.busy.length" class="wkc-j"><a v-for="j in w.busy.slice(0, 12)" :key="j" class="tag mono" :href="base + '/job/' + encodeURIComponent(j)" :aria-label="'Job ' + j">{{ j.slice(-12) }}</a><span v-if="w.busy.length > 12" class="tag">+{{ w.busy.length - 12 }}</span></div>
      <div v-if="w.lingering.length" class="wkc-j" title="These jobs have ended; their functions go on in threads and keep their slots."><span style="color: var(--faint)">lingering</span><a v-for="j in w.lingering.slice(0, 12)" :key="j" class="tag mono" :href="base + '/job/' + encodeURIComponent(j)" :aria-label="'Lingering job ' + j">{{ j.slice(-12) }}</a></div>
    </section></div>
    <div v-else-if="problem" class="card empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="loaded" class="card empty"><Icon name="server"/><b>No worker is running</b><p>Jobs wait until one starts: <span class="mono">taskiq worker app:broker --receiver taskcast:JobReceiver</span></p></div>
    <div v-else class="wk" aria-busy="true"><div v-for="n in 2" :key="n" class="card wkc"><span class="bone" style="height: 18px"></span><span class="bone" style="height: 90px"></span></div></div>
  </div>`,
  props: { initial: String, base: String },
  data: () => ({ items: [], loaded: false, problem: null }),
  created() { if (this.initial) this.patch(this.initial); },
  methods: {
    ago, count, duration, spelled,
    taken(w) { return w.busy.length + w.lingering.length; },
    patch(text) { Object.assign(this, parse(text)); },
    word(w) { return w.stopped ? "Stopped" : w.seen && clock.now - w.seen > SILENT_MS ? "Silent" : "Running"; },
    chip(w) { const tone = { Running: "ok", Silent: "warn", Stopped: "idle" }[this.word(w)]; return { "--c": `var(--${tone})`, "--s": `var(--${tone}-soft)` }; },
  },
};
