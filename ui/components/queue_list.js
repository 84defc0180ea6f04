// The overview's card of queues: slots in use, and what waits.
import { count, parse } from "taskcast-ui";
const BOXES = 12;
export default {
  template: `<div class="queues">
    <a v-for="q in items" :key="q.name" class="q" :class="{paused: q.paused, none: !q.slots}" :href="base + '/list?queue=' + encodeURIComponent(q.name)" :title="words(q)">
      <div class="q-n"><span>{{ q.name }}</span></div>
      <div v-if="q.slots" class="slots" role="img" :aria-label="q.running + ' of ' + q.slots + ' slots busy'"><i v-for="n in boxes(q)" :key="n" :class="{f: n <= filled(q)}"></i></div>
      <div v-else class="q-x">no worker</div>
      <div class="q-d">{{ count(q.waiting) }}</div>
    </a>
    <div v-if="loaded && !items.length" class="empty" style="padding: 34px 12px"><b>No queue yet</b><p>A queue appears with its first job or worker.</p></div>
    <div v-if="!loaded"><div v-for="n in 3" :key="n" class="q"><span class="bone" style="height: 12px; width: 80px"></span><span class="bone" style="height: 10px"></span><span class="bone" style="height: 12px"></span></div></div>
  </div>`,
  props: { initial: String, base: String },
  data() { return { items: [], loaded: false }; },
  created() { if (this.initial) this.patch(this.initial); },
  methods: {
    count,
    patch(text) { const p = parse(text); this.items = p.queues; this.loaded = p.loaded; },
    boxes(q) { return Math.min(BOXES, q.slots); },
    filled(q) { return Math.min(this.boxes(q), Math.ceil((q.running / q.slots) * this.boxes(q))); },
    words(q) { return `${q.name}: ${q.running} running, ${q.waiting} waiting, ${q.slots} slots` + (q.paused ? ", paused" : ""); },
  },
};
