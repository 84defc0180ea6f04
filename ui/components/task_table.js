// All tasks that workers announced, with their options, and the button that pauses or resumes one.
import { Icon, ago, looks, parse, pauseWords } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<div class="card qt">
    <table v-if="items.length" class="grid-t"><thead><tr><th>Task</th><th>Queue</th><th class="hide-w">Priority</th><th>Attempts</th><th>Timeout</th><th>Rate limit</th><th>Concurrency</th><th>Runs in</th><th class="r hide-w">Announced</th><th><span class="vh">Run, pause or resume</span></th></tr></thead>
    <tbody><tr v-for="t in items" :key="t.name" :data-task="t.name" :class="{paused: t.paused}">
      <td><a class="qt-n" :href="base + '/list?type=' + encodeURIComponent(t.name)"><b>{{ t.name }}</b></a><span v-if="t.paused" class="chip warn"><Icon name="circle-pause"/>Paused</span><small v-if="t.paused && pauseWords(t.paused)">{{ pauseWords(t.paused) }}</small></td>
      <td data-l="Queue"><a :href="queues + '/' + encodeURIComponent(t.queue)">{{ t.queue }}</a></td><td class="hide-w" data-l="Priority">{{ looks.priorities[t.priority] || '—' }}</td>
      <td data-l="Attempts">{{ t.attempts }}<span v-if="t.backoff" class="of hide-w"> · waits {{ t.backoff }}</span></td><td data-l="Timeout">{{ t.timeout }}</td>
      <td data-l="Rate limit" :class="{z: !t.rate}">{{ t.rate || '—' }}</td><td data-l="Concurrency" :class="{z: !t.concurrency}">{{ t.concurrency || '—' }}</td><td data-l="Runs in">{{ t.executor === 'process' ? 'a process' : 'the worker' }}</td><td class="r hide-w" data-l="Announced">{{ ago(t.seen) }}</td>
      <td class="do"><button type="button" class="btn" data-testid="run" :disabled="!!why" :title="why" :aria-label="'Run ' + t.name" @click="$emit('act', 'run', t.name)"><Icon name="zap"/>Run</button> <button type="button" class="btn" :disabled="!!why" :title="why" :aria-label="(t.paused ? 'Resume ' : 'Pause ') + t.name" @click="$emit('act', t.paused ? 'resume' : 'pause', t.name)"><Icon :name="t.paused ? 'play' : 'pause'"/>{{ t.paused ? 'Resume' : 'Pause' }}</button></td>
    </tr></tbody></table>
    <div v-else-if="problem" class="empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="loaded" class="empty"><Icon name="square-function"/><b>No task yet</b><p>A task appears here when the first worker that knows it has started.</p></div>
    <div v-else style="padding: 16px; display: grid; gap: 14px" aria-busy="true"><span v-for="n in 3" :key="n" class="bone" style="height: 18px"></span></div>
  </div>`,
  props: { initial: String, base: String, queues: String, why: String },
  emits: ["act"],
  data: () => ({ items: [], loaded: false, problem: null, looks }),
  created() { if (this.initial) this.patch(this.initial); },
  methods: { ago, pauseWords, patch(text) { Object.assign(this, parse(text)); } },
};
