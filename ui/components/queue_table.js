// All queues with what waits in them, and the button that pauses or resumes one.
import { Icon, count, duration, parse, pauseWords } from "taskcast-ui";
const PRIORITIES = [["CRITICAL", "Critical"], ["HIGH", "High"], ["NORMAL", "Normal"], ["LOW", "Low"]];
export default {
  components: { Icon },
  template: `<div class="card qt">
    <table v-if="items.length" class="grid-t"><thead><tr><th>Queue</th><th class="r">Running</th><th class="r">Waiting</th><th v-for="p in priorities" :key="p[0]" class="r hide-n">{{ p[1] }}</th><th class="r">Held back</th><th class="r">Scheduled</th><th class="r">Retrying</th><th class="r">Oldest waits</th><th class="r">Per minute</th><th><span class="vh">Pause or resume</span></th></tr></thead>
    <tbody><tr v-for="q in items" :key="q.name" :data-queue="q.name" :class="{paused: q.paused}">
      <td><a class="qt-n" :href="base + '/' + encodeURIComponent(q.name)"><b>{{ q.name }}</b></a><span v-if="q.paused" class="chip warn"><Icon name="circle-pause"/>Paused</span><span v-if="q.observed" class="tag">only observed</span><span v-if="!q.slots && !q.observed" class="tag">no worker</span><small v-if="q.paused && pauseWords(q.paused)">{{ pauseWords(q.paused) }}</small></td>
      <td class="r" data-l="Running"><b>{{ count(q.running) }}</b><span class="of" v-if="q.slots"> of {{ count(q.slots) }}</span></td><td class="r" data-l="Waiting"><b>{{ count(q.waiting) }}</b></td>
      <td v-for="p in priorities" :key="p[0]" class="r hide-n" :class="{z: !q.by[p[0]]}">{{ count(q.by[p[0]]) }}</td>
      <td class="r" :class="{z: !q.held}" data-l="Held back">{{ count(q.held) }}</td><td class="r" :class="{z: !q.scheduled}" data-l="Scheduled">{{ count(q.scheduled) }}</td><td class="r" :class="{z: !q.retrying}" data-l="Retrying">{{ count(q.retrying) }}</td><td class="r" data-l="Oldest waits">{{ q.oldest ? duration(q.oldest * 1000) : '—' }}</td><td class="r" data-l="Per minute">{{ q.rate == null ? '—' : count(Math.round(q.rate)) }}</td>
      <td class="do"><button type="button" class="btn" :disabled="!!why || q.observed" :title="why || (q.observed ? 'Only observed: another broker runs it' : '')" :aria-label="(q.paused ? 'Resume ' : 'Pause ') + q.name" @click="$emit('act', q.paused ? 'resume' : 'pause', q.name)"><Icon :name="q.paused ? 'play' : 'pause'"/>{{ q.paused ? 'Resume' : 'Pause' }}</button></td>
    </tr></tbody></table>
    <div v-else-if="problem" class="empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="loaded" class="empty"><Icon name="layers"/><b>No queue yet</b><p>A queue appears here with its first job, or with the first worker that serves it.</p></div>
    <div v-else style="padding: 16px; display: grid; gap: 14px" aria-busy="true"><span v-for="n in 3" :key="n" class="bone" style="height: 18px"></span></div>
  </div>`,
  props: { initial: String, base: String, why: String },
  emits: ["act"],
  data: () => ({ items: [], loaded: false, problem: null, priorities: PRIORITIES }),
  created() { if (this.initial) this.patch(this.initial); },
  methods: { count, duration, pauseWords, patch(text) { Object.assign(this, parse(text)); } },
};
