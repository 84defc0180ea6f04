// How far the person's operations are, with a button that stops each; an end stays until it is closed.
import { Icon, parse } from "taskcast-ui";
const LOOK = { running: ["loader-circle", "info"], done: ["circle-check", "ok"], cancelled: ["ban", "warn"], failed: ["circle-alert", "bad"] };
export default {
  components: { Icon },
  template: `<div class="ops"><section v-for="o in items" :key="o.id" class="op" :style="{'--c': 'var(--' + look(o)[1] + ')'}" :data-operation="o.id" :data-state="o.state" :aria-label="o.title">
    <div class="op-h"><Icon :name="look(o)[0]"/><b>{{ o.title }}</b><button v-if="o.state === 'running'" type="button" class="btn" :disabled="o.stopping" @click="$emit('cancel', o.id)">{{ o.stopping ? 'Stopping …' : 'Cancel' }}</button><button v-else type="button" class="op-x" aria-label="Close" @click="$emit('close', o.id)"><Icon name="x"/></button></div>
    <div v-if="o.state === 'running' && o.percent != null" class="op-b" role="progressbar" :aria-valuenow="Math.round(o.percent)" aria-valuemin="0" aria-valuemax="100" :aria-label="o.title"><i :style="{width: o.percent + '%'}"></i></div>
    <p :role="o.state === 'running' ? null : 'status'">{{ o.text }}</p>
  </section></div>`,
  emits: ["cancel", "close"],
  data: () => ({ items: [] }),
  methods: { look: (o) => LOOK[o.state] || LOOK.running, patch(text) { Object.assign(this, parse(text)); } },
};
