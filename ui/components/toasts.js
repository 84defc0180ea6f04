// Short news about what the person did. Errors stay until they are closed.
import { Icon, parse } from "taskcast-ui";
const LOOK = { ok: "circle-check", bad: "circle-alert", warn: "triangle-alert", info: "info" };
export default {
  components: { Icon },
  template: `<div class="toasts" role="status" aria-live="polite"><div v-for="t in list" :key="t.n" class="toast" :style="{'--c': 'var(--' + t.tone + ')'}" :data-tone="t.tone"><Icon :name="look(t.tone)"/><p>{{ t.text }}</p><button aria-label="Close" @click="drop(t.n)"><Icon name="x"/></button></div></div>`,
  data: () => ({ list: [], n: 0 }),
  methods: {
    look: (tone) => LOOK[tone] || "info",
    patch(text) { const t = { ...parse(text), n: ++this.n }; this.list = [...this.list.slice(-3), t]; if (t.tone !== "bad") setTimeout(() => this.drop(t.n), 5000); },
    drop(n) { this.list = this.list.filter((t) => t.n !== n); },
  },
};
