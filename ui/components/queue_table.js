// All queues with what waits in them; read-only here.
import { Icon, count, duration, parse } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<div class="card qt">
    <table v-if="items.length" class="grid-t"><thead><tr><th>Queue</th><th class="r">Running</th><th class="r">Slots</th><th class="r">Waiting</th><th class="r">Critical</th><th class="r">High</th><th class="r">Normal</th><th class="r">Low</th><th class="r">Scheduled</th><th class="r">Retrying</th><th class="r">Oldest waits</th><th class="r">Per minute</th></tr></thead>
    <tbody><tr v-for="q in items" :key="q.name" :data-queue="q.name">
      <td><a :href="base + '/list?queue=' + encodeURIComponent(q.name)"><b>{{ q.name }}</b></a><span v-if="q.paused" class="tag" style="margin-left: 8px; color: var(--warn)">paused</span><span v-if="q.observed" class="tag" style="margin-left: 8px">only observed</span><span v-if="!q.slots && !q.observed" class="tag" style="margin-left: 8px">no worker</span></td>
      <td class="r" data-l="Running"><b>{{ count(q.running) }}</b></td><td class="r" data-l="Slots">{{ count(q.slots) }}</td><td class="r" data-l="Waiting"><b>{{ count(sum(q)) }}</b></td>
      <td v-for="p in ['CRITICAL', 'HIGH', 'NORMAL', 'LOW']" :key="p" class="r hide-m" :class="{z: !q.waiting[p]}">{{ count(q.waiting[p] || 0) }}</td>
      <td class="r" :class="{z: !q.scheduled}" data-l="Scheduled">{{ count(q.scheduled) }}</td><td class="r" :class="{z: !q.retrying}" data-l="Retrying">{{ count(q.retrying) }}</td><td class="r" data-l="Oldest waits">{{ q.oldest_s ? duration(q.oldest_s * 1000) : '—' }}</td><td class="r" data-l="Per minute">{{ q.per_minute == null ? '—' : count(Math.round(q.per_minute)) }}</td>
    </tr></tbody></table>
    <div v-else-if="problem" class="card empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="loaded" class="empty"><Icon name="layers"/><b>No queue yet</b><p>A queue appears here with its first job, or with the first worker that serves it.</p></div>
    <div v-else style="padding: 16px; display: grid; gap: 14px" aria-busy="true"><span v-for="n in 3" :key="n" class="bone" style="height: 18px"></span></div>
  </div>`,
  props: { initial: String, base: String },
  data: () => ({ items: [], loaded: false, problem: null }),
  created() { if (this.initial) this.patch(this.initial); },
  methods: { count, duration, patch(text) { Object.assign(this, parse(text)); }, sum: (q) => Object.values(q.waiting).reduce((a, b) => a + b, 0) },
};
