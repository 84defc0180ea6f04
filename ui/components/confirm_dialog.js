// One question at a time, with what has to be filled in. It stays open until the answer was taken: the server closes it,
// or says what is wrong with which field. The browser's own dialog keeps focus and Escape right.
import { Icon, clock, parse } from "taskcast-ui";
const local = (ms) => { const d = new Date(ms); return new Date(ms - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16); };
export default {
  components: { Icon },
  template: `<dialog class="dlg" :class="{wide: q.wide}" ref="box" aria-labelledby="dlg-title" @cancel="close" @mousedown.self="close"><form method="dialog" novalidate @submit.prevent="send" @keydown.ctrl.enter="send">
    <div class="dlg-b"><h3 id="dlg-title">{{ q.title }}</h3><p v-for="(t, i) in q.text" :key="i">{{ t }}</p>
      <template v-for="f in q.fields" :key="f.name">
        <label v-if="f.kind === 'text' || f.kind === 'confirm'"><span>{{ f.label }}</span><input class="txt" v-model="v[f.name]" :maxlength="f.max || 200" :aria-invalid="bad(f)" :data-field="f.name" autocomplete="off" spellcheck="false"></label>
        <fieldset v-else-if="f.kind === 'choice'" class="dlg-s"><legend>{{ f.label }}</legend><div class="opts"><label v-for="o in f.options" :key="o[0]" :class="{on: v[f.name] === o[0]}"><input type="radio" :name="'dlg-' + f.name" :value="o[0]" v-model="v[f.name]">{{ o[1] }}</label></div>
          <input v-if="v[f.name] === 'at'" class="txt" type="datetime-local" v-model="v[f.name + '_at']" :min="soonest" :aria-label="f.label" :aria-invalid="bad(f)" :data-field="f.name + '_at'"></fieldset>
        <fieldset v-else-if="f.kind === 'checks'" class="dlg-s"><legend>{{ f.label }}</legend><div class="opts"><label v-for="o in f.options" :key="o[0]" :class="{on: v[f.name].includes(o[0])}"><input type="checkbox" :value="o[0]" v-model="v[f.name]">{{ o[1] }}</label></div></fieldset>
        <fieldset v-else-if="f.kind === 'span'" class="dlg-s"><legend>{{ f.label }}</legend><div class="span"><input class="txt" type="number" min="0" step="any" v-model="v[f.name][0]" :aria-label="f.label" :aria-invalid="bad(f)" :data-field="f.name"><select class="txt" v-model="v[f.name][1]" aria-label="Unit"><option v-for="u in f.units" :key="u">{{ u }}</option></select><span>{{ f.after }}</span></div></fieldset>
        <div v-else-if="f.kind === 'json'"><button v-if="!open" type="button" class="mini dlg-o" data-testid="edit" @click="edit"><Icon name="pencil"/>{{ f.open }}</button>
          <label v-else><span>{{ f.label }}</span><textarea class="txt json" ref="json" v-model="v[f.name]" :rows="Math.min(16, Math.max(4, v[f.name].split('\\n').length + 1))" :aria-invalid="bad(f)" :data-field="f.name" spellcheck="false" autocomplete="off" @keydown.esc.stop="close"></textarea></label></div>
        <ul v-if="wrong(f).length" class="dlg-e" role="alert"><li v-for="w in wrong(f)" :key="w[0]"><b v-if="w[0]" class="mono">{{ w[0] }}</b> {{ w[1] }}</li></ul>
      </template>
      <ul v-if="q.items?.length" class="found"><li v-for="(i, n) in q.items" :key="n"><a class="mono" :href="base + '/job/' + encodeURIComponent(i.job)" @click="close">{{ i.job }}</a><b>{{ i.title }}</b><span>{{ i.text }}</span></li></ul>
      <div v-if="problem" class="note bad" role="alert"><Icon name="circle-alert"/><span>{{ problem }}</span></div>
    </div>
    <div class="dlg-f"><button type="button" class="btn" ref="no" @click="close">{{ q.no || 'Back' }}</button><button v-if="q.yes" type="submit" class="btn" :class="q.danger ? 'danger' : 'primary'" :disabled="busy || !confirmed" ref="yes" data-testid="confirm"><Icon v-if="busy" name="loader-circle" class="spin"/>{{ q.yes }}</button></div>
  </form></dialog>`,
  props: { base: String },
  emits: ["answer"],
  data: () => ({ q: { text: [], fields: [] }, v: {}, open: false, busy: false, fields: {}, problem: "", soonest: "" }),
  computed: { confirmed() { return (this.q.fields || []).every((f) => f.kind !== "confirm" || this.v[f.name].trim() === f.value); } },
  methods: {
    patch(text) {
      const p = parse(text);
      if (p.title) return this.show(p);
      if (p.token !== this.q.token) return;
      this.busy = false;
      if (p.close) return this.close();
      this.fields = p.fields || {};
      const known = Object.keys(this.fields).filter((key) => !this.q.fields.some((f) => this.of(f, key)));
      this.problem = known.length ? known.map((key) => `${key}: ${this.fields[key]}`).join("; ") : Object.keys(this.fields).length ? "" : p.problem;
    },
    show(q) {
      this.q = q; this.open = this.busy = false; this.fields = {}; this.problem = ""; this.soonest = local(clock.now + 60000);
      this.v = Object.fromEntries(q.fields.map((f) => [f.name, f.kind === "confirm" ? "" : Array.isArray(f.value) ? [...f.value] : f.value]));
      for (const f of q.fields) if (f.kind === "choice") this.v[f.name + "_at"] = local(clock.now + 3600000);
      this.$nextTick(() => { if (!this.$refs.box.open) this.$refs.box.showModal(); (this.$el.querySelector("input:not([type=radio]):not([type=checkbox])") || this.$refs.yes || this.$refs.no).focus(); });
    },
    edit() { this.open = true; this.$nextTick(() => this.$refs.json[0].focus()); },
    of: (f, key) => key === f.name || key.startsWith(f.name + "."),
    bad(f) { return String(this.wrong(f).length > 0); },
    wrong(f) { return Object.entries(this.fields).filter(([key]) => this.of(f, key)).map(([key, text]) => [key === f.name ? "" : key.slice(f.name.length + 1), text]); },
    send() {
      if (this.busy || !this.confirmed || !this.q.yes) return;
      const out = {};
      for (const f of this.q.fields) {
        if (f.kind === "json" && !this.open) continue;
        out[f.name] = this.v[f.name];
        if (f.kind === "choice" && out[f.name] === "at") { const at = new Date(this.v[f.name + "_at"]); out[f.name + "_at"] = Number.isNaN(+at) ? "" : at.toISOString(); }
      }
      this.busy = true; this.problem = ""; this.fields = {};
      this.$emit("answer", this.q.token, out);
    },
    close() { this.busy = false; if (this.$refs.box.open) this.$refs.box.close(); },
  },
};
