// All schedules: what each runs and why then, its next runs in the viewer's zone, how the last ones ended, and its buttons.
import { Icon, ago, clock, count, duration, looks, momentOf, parse, pauseWords, until } from "taskcast-ui";
const MARKS = { completed: ["ok", "completed"], failed: ["bad", "failed"], cancelled: ["idle", "cancelled"], running: ["info", "running"], retrying: ["warn", "tries again"] };
export default {
  components: { Icon },
  template: `<div class="card qt sdl">
    <table v-if="items.length" class="grid-t"><thead><tr><th>Schedule</th><th>Runs</th><th>Next</th><th>Last runs</th><th class="r">Missed</th><th><span class="vh">What can be done</span></th></tr></thead>
    <tbody><tr v-for="s in items" :key="s.id" :data-schedule="s.id" :class="{paused: s.paused}">
      <td><b class="sdl-n">{{ s.title }}</b><span v-if="s.paused" class="chip warn"><Icon name="circle-pause"/>Paused</span><span class="tag">{{ s.code ? 'in the code' : 'stored' }}</span><small v-if="s.paused && pauseWords(s.paused)">{{ pauseWords(s.paused) }}</small><p v-if="s.why" class="sdl-w">{{ s.why }}</p></td>
      <td data-l="Runs"><a :href="base + '/list?type=' + encodeURIComponent(s.task)">{{ s.task }}</a><span class="mono sdl-c" :title="s.zone">{{ s.when }}<template v-if="s.zone !== 'UTC'"> {{ s.zone }}</template></span></td>
      <td data-l="Next" :title="tip(s)"><template v-if="s.next.length"><b>{{ inWords(s.next[0]) }}</b><span class="sdl-c">{{ local(s.next[0]) }}</span></template><span v-else class="z">{{ s.paused ? 'paused' : 'never' }}</span></td>
      <td data-l="Last runs"><span class="sdl-r"><component :is="r.job ? 'a' : 'i'" v-for="(r, i) in s.recent" :key="r.at + '-' + i" :href="r.job ? base + '/job/' + encodeURIComponent(r.job) : undefined" :class="'sdl-m ' + mark(r)[0]" :title="told(r)"><span class="vh">{{ told(r) }}</span></component><span v-if="!s.recent.length" class="z">none yet</span></span></td>
      <td class="r" data-l="Missed" :class="{z: !s.missed}">{{ count(s.missed) }}</td>
      <td class="do"><div class="sdl-b">
        <button type="button" class="btn" :disabled="!!why" :title="why" data-testid="run" :aria-label="'Run ' + s.title + ' now'" @click="$emit('act', 'run', s.id)"><Icon name="zap"/>Run now</button>
        <button type="button" class="btn" :disabled="!!why" :title="why" :aria-label="(s.paused ? 'Resume ' : 'Pause ') + s.title" @click="$emit('act', s.paused ? 'resume' : 'pause', s.id)"><Icon :name="s.paused ? 'play' : 'pause'"/>{{ s.paused ? 'Resume' : 'Pause' }}</button>
        <button type="button" class="ib" :disabled="!!no(s)" :title="no(s) || 'Change'" :aria-label="'Change ' + s.title" data-testid="edit-schedule" @click="$emit('act', 'edit', s.id)"><Icon name="pencil"/></button>
        <button type="button" class="ib" :disabled="!!no(s)" :title="no(s) || 'Delete'" :aria-label="'Delete ' + s.title" data-testid="delete-schedule" @click="$emit('act', 'delete', s.id)"><Icon name="x"/></button></div></td>
    </tr></tbody></table>
    <div v-else-if="problem" class="empty"><Icon name="triangle-alert"/><b>This cannot be shown</b><p>{{ problem }}</p></div>
    <div v-else-if="loaded" class="empty"><Icon name="calendar-clock"/><b>No schedule yet</b><p>Those of the code appear when a scheduler has started; make others with the button above.</p></div>
    <div v-else style="padding: 16px; display: grid; gap: 14px" aria-busy="true"><span v-for="n in 5" :key="n" class="bone" style="height: 18px"></span></div>
  </div>`,
  props: { initial: String, base: String, why: String },
  emits: ["act"],
  data: () => ({ items: [], loaded: false, problem: null, clock, looks }),
  created() { if (this.initial) this.patch(this.initial); },
  methods: {
    ago, count, duration, momentOf, pauseWords, until, patch(text) { Object.assign(this, parse(text)); },
    no(s) { return this.why || (s.code ? "It is in the code, which wins at the next deploy; change schedules/table.py." : ""); },
    mark(r) { return r.state === "missed" ? ["warn", "missed"] : r.state === "due" ? ["idle", "is being sent"] : MARKS[r.outcome] || ["idle", r.outcome || "sent"]; },
    told(r) { return [new Date(r.at).toLocaleString("en-GB"), this.mark(r)[1], r.took != null ? "took " + duration(r.took) : "", r.by ? "by " + r.by : "", r.error].filter(Boolean).join(" · "); },
    inWords(ms) { const s = Math.max(0, (ms - clock.now) / 1000); return s < 90 ? `in ${Math.round(s)} s` : s < 5400 ? `in ${Math.round(s / 60)} min` : s < 129600 ? `in ${Math.round(s / 3600)} h` : `in ${Math.round(s / 86400)} days`; },
    local: (ms) => new Date(ms).toLocaleString("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }),
    tip(s) { return s.next.map((ms) => `${this.local(ms)} · ${new Date(ms).toLocaleString("en-GB", { timeZone: s.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })} ${s.zone} · ${new Date(ms).toISOString().slice(0, 16)}Z`).join("\n"); },
  },
};
