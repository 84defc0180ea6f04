// Says in the head of every page that something is paused, and tells all lists what.
import { Icon, parse, pauseWords, paused } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<a v-if="names.length" class="live s-wait s-paused" :href="queues.length ? base : tasks" :title="title" data-testid="paused"><Icon name="circle-pause"/><span>{{ names.length === 1 ? names[0][1] : names.length }}<em :class="{'hide-m': names.length === 1}"> paused</em></span></a>`,
  props: { initial: String, base: String, tasks: String },
  data: () => ({ paused }),
  created() { if (this.initial) this.patch(this.initial); },
  computed: {
    queues() { return Object.keys(this.paused.queues); },
    names() { return [...this.queues.map((q) => ["Queue", q, this.paused.queues[q]]), ...Object.keys(this.paused.tasks).map((t) => ["Task", t, this.paused.tasks[t]])]; },
    title() { return this.names.map(([kind, name, p]) => [`${kind} ${name} is paused`, pauseWords(p)].filter(Boolean).join(" ")).join("\n"); },
  },
  methods: { patch(text) { const p = parse(text); paused.queues = p.queues; paused.tasks = p.tasks; } },
};
