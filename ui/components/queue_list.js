// The overview's card of queues: slots in use, what waits, and the way to pause one.
import { Icon, count, parse, pauseWords } from "taskcast-ui";
const BOXES = 12;
export default {
  components: { Icon },
  template: `<div class="queues">
    <div v-for="q in items" :key="q.name" class="q" :class="{paused: q.paused, none: !q.slots}" :data-queue="q.name">
      <a class="q-n" :href="base + '/' + encodeURIComponent(q.name)" :title="words(q)"><span>{{ q.name }}</span></a>
      <div v-if="q.paused" class="q-x q-p" :title="pauseWords(q.paused)"><Icon name="circle-pause"/>Paused</div>
      <div v-else-if="q.slots" class="slots" role="img" :aria-label="q.running + ' of ' + q.slots + ' slots busy'"><i v-for="n in boxes(q)" :key="n" :class="{f: n <= filled(q)}"></i></div>
      <div v-else class="q-x">{{ q.observed ? 'only observed' : 'no worker' }}</div>
      <div class="q-d">{{ count(q.waiting + q.held) }}</div>
      <button v-if="may" type="button" class="q-b" :disabled="q.observed" :aria-label="(q.paused ? 'Resume ' : 'Pause ') + q.name" :title="q.paused ? 'Resume' : 'Pause…'" @click="$emit('act', q.paused ? 'resume' : 'pause', q.name)"><Icon :name="q.paused ? 'play' : 'pause'"/></button>
    </div>
    <div v-if="loaded && !items.length" class="empty" style="padding: 34px 12px"><b>No queue yet</b><p>A queue appears with its first job or worker.</p></div>
    <div v-if="!loaded"><div v-for="n in 3" :key="n" class="q"><span class="bone" style="height: 12px; width: 80px"></span><span class="bone" style="height: 10px"></span><span class="bone" style="height: 12px"></span></div></div>
  </div>`,
  props: { initial: String, base: String, may: Boolean },
  emits: ["act"],
  data() { return { items: [], loaded: false }; },
  created() { if (this.initial) this.patch(this.initial); },
  methods: {
    count, pauseWords,
    patch(text) { const p = parse(text); this.items = p.queues; this.loaded = p.loaded; },
    boxes(q) { return Math.min(BOXES, q.slots); },
    filled(q) { return Math.min(this.boxes(q), Math.ceil((q.running / q.slots) * this.boxes(q))); },
    words(q) { return `${q.name}: ${q.running} running, ${q.waiting} waiting, ${q.slots} slots` + (q.held ? `, ${q.held} held back` : "") + (q.paused ? ", paused" : ""); },
  },
};
