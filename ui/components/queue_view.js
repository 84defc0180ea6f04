// One queue: how it stands, who paused it, what waits by priority, and what can be done to it.
import { Icon, ago, count, duration, parse, pauseWords, spelled } from "taskcast-ui";
const PRIORITIES = [["CRITICAL", "Critical"], ["HIGH", "High"], ["NORMAL", "Normal"], ["LOW", "Low"]];
export default {
  components: { Icon },
  template: `<div class="qv" :data-queue="name" :data-paused="String(!!q?.paused)">
    <div class="qv-h"><h2 :title="name">{{ name }}</h2><span v-if="q" class="chip" :style="{'--c': 'var(--' + state[1] + ')', '--s': 'var(--' + state[1] + '-soft)'}"><Icon :name="state[2]"/>{{ state[0] }}</span><span class="sp"></span>
      <template v-if="q">
        <button v-if="q.paused" type="button" class="btn primary" :disabled="!!no" :title="no" data-testid="resume" @click="$emit('act', 'resume')"><Icon name="play"/>Resume</button>
        <button v-else type="button" class="btn" :disabled="!!no" :title="no" data-testid="pause" @click="$emit('act', 'pause')"><Icon name="pause"/>Pause</button>
        <button type="button" class="btn danger" :disabled="!!noDrain" :title="noDrain" data-testid="drain" @click="$emit('act', 'drain')"><Icon name="list-x"/>Drain</button>
        <button type="button" class="btn danger" :disabled="!!noClean" :title="noClean" data-testid="clean" @click="$emit('act', 'clean')"><Icon name="brush-cleaning"/>Clean</button>
      </template></div>
    <p v-if="q && no" class="qv-w"><Icon name="info"/>{{ no }}</p>
    <div v-if="q?.paused" class="note warn qv-p" role="status"><Icon name="circle-pause"/><span><b>This queue is paused.</b> No worker takes a job of it. {{ since }}</span></div>
    <div v-if="q" class="nums">
      <div v-for="n in numbers" :key="n[0]" class="card num-t"><dt>{{ n[0] }}</dt><dd class="num">{{ n[1] }}<small v-if="n[2]">{{ n[2] }}</small></dd></div>
    </div>
    <section v-if="q" class="card lanes" aria-label="Waiting by priority"><div v-for="p in priorities" :key="p[0]" class="lane" :class="'pl-' + p[0]" :data-lane="p[0]"><span>{{ p[1] }}</span><i role="img" :aria-label="count(q.by[p[0]]) + ' waiting'"><b :style="{width: width(p[0]) + '%'}"></b></i><em class="num" :class="{z: !q.by[p[0]]}">{{ count(q.by[p[0]]) }}</em></div></section>
    <section v-if="q?.limits.length" class="card lanes" aria-label="Concurrency limits"><div v-for="l in q.limits" :key="l.key" class="lane" :class="{'pl-HIGH': l.running >= l.most}" :data-limit="l.key" :title="l.key"><span>{{ l.key }}</span><i role="img" :aria-label="count(l.running) + ' of ' + count(l.most) + ' places taken'"><b :style="{width: Math.min(100, (100 * l.running) / l.most) + '%'}"></b></i><em class="num" :class="{z: !l.running && !l.held}">{{ count(l.running) }} of {{ count(l.most) }}{{ l.held ? ", " + count(l.held) + " held back" : "" }}</em></div></section>
    <div v-if="!q && problem" class="card empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="!q && loaded" class="card empty"><Icon name="layers"/><b>There is no queue of this name</b><p>A queue appears with its first job, or with the first worker that serves it.</p><a class="btn" :href="base">All queues</a></div>
    <div v-else-if="!q" class="nums" aria-busy="true"><div v-for="n in 7" :key="n" class="card num-t"><span class="bone" style="height: 12px; width: 60%"></span><span class="bone" style="height: 22px; width: 40%; margin-top: 8px"></span></div></div>
  </div>`,
  props: { initial: String, name: String, base: String, why: Object },
  emits: ["act"],
  data: () => ({ q: null, loaded: false, problem: null, priorities: PRIORITIES }),
  created() { if (this.initial) this.patch(this.initial); },
  computed: {
    state() {
      const q = this.q;
      if (q.paused) return ["Paused", "warn", "circle-pause"];
      if (q.observed) return ["Only observed", "idle", "info"];
      if (!q.slots) return ["No worker", q.waiting ? "warn" : "idle", "unplug"];
      return q.running ? ["Running", "info", "activity"] : ["Ready", "ok", "circle-check"];
    },
    since() { const p = this.q.paused; return ["Paused", p.at && ago(p.at), pauseWords(p)].filter(Boolean).join(" ") + "."; },
    no() { return this.q.observed ? "This queue belongs to another broker: it can be watched, not steered." : this.why.steer; },
    noDrain() { return this.no || (this.q.waiting + this.q.held ? "" : "No job waits in this queue."); },
    noClean() { return this.why.clean; },
    numbers() {
      const q = this.q;
      return [
        ["Waiting", count(q.waiting)], ["Running", count(q.running), q.slots ? `of ${count(q.slots)} slots` : "no worker"], ["Held back", count(q.held), q.held ? "by a limit or a pause" : ""],
        ["Scheduled", count(q.scheduled)], ["Retrying", count(q.retrying)], ["Oldest waits", q.oldest ? spelled(duration(q.oldest * 1000)) : "—"], ["Per minute", q.rate == null ? "—" : count(Math.round(q.rate))],
      ];
    },
  },
  methods: {
    ago, count, duration, pauseWords,
    patch(text) { Object.assign(this, parse(text)); },
    width(p) { const most = Math.max(1, ...Object.values(this.q.by)); return this.q.by[p] ? Math.max(1.5, (100 * this.q.by[p]) / most) : 0; },
  },
};
