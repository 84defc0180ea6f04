// One question at a time, with what has to be filled in. It stays open until the answer was taken: the server closes it,
// or says what is wrong with which field. The browser's own dialog keeps focus and Escape right.
import { Icon, clock, parse } from "taskcast-ui";
const local = (ms) => { const d = new Date(ms); return new Date(ms - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16); };
export default {
  components: { Icon },
  template: `<dialog class="dlg" :class="{wide: q.wide}" ref="box" aria-labelledby="dlg-title" @cancel="close" @mousedown.self="close"><form method="dialog" novalidate @submit.prevent="send" @keydown.ctrl.enter="send">
    <div class="dlg-b"><h3 id="dlg-title">{{ q.title }}</h3><p v-for="(t, i) in q.text" :key="i">{{ t }}</p>
      <template v-for="f in q.fields" :key="f.name">
        <template v-if="shown(f)">
        <label v-if="f.kind === 'text' || f.kind === 'confirm'"><span>{{ f.label }}</span><input class="txt" v-model="v[f.name]" :maxlength="f.max || 200" :aria-invalid="bad(f)" :data-field="f.name" autocomplete="off" spellcheck="false" @input="f.preview && look()"></label>
        <label v-else-if="f.kind === 'number'"><span>{{ f.label }}</span><input class="txt" type="number" :step="f.step" v-model="v[f.name]" :aria-invalid="bad(f)" :data-field="f.name" autocomplete="off" @input="f.preview && look()"></label>
        <label v-else-if="f.kind === 'date' || f.kind === 'moment'"><span>{{ f.label }}</span><input class="txt" :type="f.kind === 'date' ? 'date' : 'datetime-local'" v-model="v[f.name]" :aria-invalid="bad(f)" :data-field="f.name"></label>
        <label v-else-if="f.kind === 'select'"><span>{{ f.label }}</span><select class="txt" v-model="v[f.name]" :aria-invalid="bad(f)" :data-field="f.name"><option v-for="o in f.options" :key="o[0]" :value="o[0]">{{ o[1] }}</option></select></label>
        <label v-else-if="f.kind === 'area'"><span>{{ f.label }}</span><textarea class="txt json" v-model="v[f.name]" :rows="Math.min(14, Math.max(f.rows || 2, String(v[f.name]).split('\\n').length))" :aria-invalid="bad(f)" :data-field="f.name" spellcheck="false" autocomplete="off"></textarea></label>
        <div v-else-if="f.kind === 'file'" class="dlg-s"><label><span>{{ f.label }}</span><input class="txt" v-model="v[f.name]" :maxlength="f.max" placeholder="Id of a stored file" :aria-invalid="bad(f)" :data-field="f.name" autocomplete="off" spellcheck="false"></label><label class="btn dlg-u"><Icon :name="sending ? 'loader-circle' : 'upload'" :class="{spin: sending}"/><span>{{ sending ? 'Uploading…' : picked || 'Upload a file' }}</span><input type="file" class="vh" :data-pick="f.name" @change="pick($event, f)"></label></div>
        <fieldset v-else-if="f.kind === 'choice'" class="dlg-s" @change="look()"><legend>{{ f.label }}</legend><div class="opts"><label v-for="o in f.options" :key="o[0]" :class="{on: v[f.name] === o[0]}"><input type="radio" :name="'dlg-' + f.name" :value="o[0]" v-model="v[f.name]">{{ o[1] }}</label></div>
          <input v-if="v[f.name] === 'at'" class="txt" type="datetime-local" v-model="v[f.name + '_at']" :min="soonest" :aria-label="f.label" :aria-invalid="bad(f)" :data-field="f.name + '_at'"></fieldset>
        <fieldset v-else-if="f.kind === 'checks'" class="dlg-s"><legend>{{ f.label }}</legend><div class="opts"><label v-for="o in f.options" :key="o[0]" :class="{on: v[f.name].includes(o[0])}"><input type="checkbox" :value="o[0]" v-model="v[f.name]">{{ o[1] }}</label></div></fieldset>
        <fieldset v-else-if="f.kind === 'span'" class="dlg-s"><legend>{{ f.label }}</legend><div class="span"><input class="txt" type="number" min="0" step="any" v-model="v[f.name][0]" :aria-label="f.label" :aria-invalid="bad(f)" :data-field="f.name"><select class="txt" v-model="v[f.name][1]" aria-label="Unit"><option v-for="u in f.units" :key="u">{{ u }}</option></select><span>{{ f.after }}</span></div></fieldset>
        <div v-else-if="f.kind === 'json'"><button v-if="!open" type="button" class="mini dlg-o" data-testid="edit" @click="edit"><Icon name="pencil"/>{{ f.open }}</button>
          <label v-else><span>{{ f.label }}</span><textarea class="txt json" ref="json" v-model="v[f.name]" :rows="Math.min(16, Math.max(4, v[f.name].split('\\n').length + 1))" :aria-invalid="bad(f)" :data-field="f.name" spellcheck="false" autocomplete="off" @keydown.esc.stop="close"></textarea></label></div>
        <p v-if="f.hint" class="dlg-n">{{ f.hint }}</p></template>
        <ul v-if="wrong(f).length" class="dlg-e" role="alert"><li v-for="w in wrong(f)" :key="w[0]"><b v-if="w[0]" class="mono">{{ w[0] }}</b> {{ w[1] }}</li></ul>
        <div v-if="preview && f.name === lastTimed && !(preview.problem && isSaid)" class="dlg-p" aria-live="polite"><template v-if="preview.next"><b>Next runs</b><span v-for="at in preview.next" :key="at" class="num">{{ whenOf(at) }}</span></template><span v-else>{{ preview.problem }}</span></div>
      </template>
      <ul v-if="q.items?.length" class="found"><li v-for="(i, n) in q.items" :key="n"><a class="mono" :href="base + '/job/' + encodeURIComponent(i.job)" @click="close">{{ i.job }}</a><b>{{ i.title }}</b><span>{{ i.text }}</span></li></ul>
      <div v-if="problem" class="note bad" role="alert"><Icon name="circle-alert"/><span>{{ problem }}</span></div>
    </div>
    <div class="dlg-f"><button type="button" class="btn" ref="no" @click="close">{{ q.no || 'Back' }}</button><button v-if="q.yes" type="submit" class="btn" :class="q.danger ? 'danger' : 'primary'" :disabled="busy || !confirmed" ref="yes" data-testid="confirm"><Icon v-if="busy" name="loader-circle" class="spin"/>{{ q.yes }}</button></div>
  </form></dialog>`,
  props: { base: String },
  emits: ["answer", "preview"],
  data: () => ({ q: { text: [], fields: [] }, v: {}, open: false, busy: false, fields: {}, problem: "", soonest: "", preview: null, sending: false, picked: "" }),
  computed: {
    timed() { return (this.q.fields || []).filter((f) => f.preview && this.shown(f)).map((f) => f.name); },
    isSaid() { return this.timed.some((name) => name in this.fields); },   // a mistake is said once, at its field
    lastTimed() { return this.timed.at(-1); },
    confirmed() { return (this.q.fields || []).every((f) => f.kind !== "confirm" || this.v[f.name].trim() === f.value); },
  },
  methods: {
    patch(text) {
      const p = parse(text);
      if (p.title) return this.show(p);
      if (p.token !== this.q.token) return;
      if (p.preview) { this.preview = p.preview; return; }
      this.busy = false;
      if (p.close) return this.close();
      this.fields = p.fields || {};
      const known = Object.keys(this.fields).filter((key) => !this.q.fields.some((f) => this.within(f, key) !== null));
      this.problem = known.length ? known.map((key) => `${key}: ${this.fields[key]}`).join("; ") : Object.keys(this.fields).length ? "" : p.problem;
    },
    show(q) {
      this.q = q; this.open = this.busy = false; this.fields = {}; this.problem = ""; this.preview = null; this.picked = ""; this.soonest = local(clock.now + 60000);
      this.v = Object.fromEntries(q.fields.map((f) => [f.name, f.kind === "confirm" ? "" : Array.isArray(f.value) ? [...f.value] : f.value]));
      for (const f of q.fields) if (f.kind === "choice") this.v[f.name + "_at"] = local(clock.now + 3600000);
      for (const f of q.fields) if (f.kind === "moment") this.v[f.name] = local(f.value ? Date.parse(f.value) : clock.now + 3600000);
      this.look();
      this.$nextTick(() => { if (!this.$refs.box.open) this.$refs.box.showModal(); (this.$el.querySelector("input:not([type=radio]):not([type=checkbox])") || this.$refs.yes || this.$refs.no).focus(); });
    },
    shown(f) { return !f.only || this.v[f.only[0]] === f.only[1]; },
    edit() { this.open = true; this.$nextTick(() => this.$refs.json[0].focus()); },
    within(f, key) {   // where in a field's value the mistake lies, "" for all of it; null for another field's
      const name = [f.name, f.told].find((n) => n && (key === n || key.startsWith(n + ".")));
      return name ? key.slice(name.length + 1) : null;
    },
    bad(f) { return String(this.wrong(f).length > 0); },
    wrong(f) { return Object.entries(this.fields).map(([key, text]) => [this.within(f, key), text]).filter(([part]) => part !== null); },
    send() {
      if (this.busy || !this.confirmed || !this.q.yes) return;
      const out = {};
      for (const f of this.q.fields) {
        if (f.kind === "json" && !this.open) continue;
        if (!this.shown(f)) continue;
        out[f.name] = this.v[f.name];
        if (f.kind === "moment") { const at = new Date(this.v[f.name]); out[f.name] = Number.isNaN(+at) ? "" : at.toISOString(); }
        if (f.kind === "choice" && out[f.name] === "at") { const at = new Date(this.v[f.name + "_at"]); out[f.name + "_at"] = Number.isNaN(+at) ? "" : at.toISOString(); }
      }
      this.busy = true; this.problem = ""; this.fields = {};
      this.$emit("answer", this.q.token, out);
    },
    whenOf: (ms) => new Date(ms).toLocaleString("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }),
    look() {   // what is being filled in is looked at a moment after the last key
      clearTimeout(this.timer);
      if (!this.q.fields.some((f) => f.preview)) return;
      for (const name of this.timed) delete this.fields[name];   // said of what stood there before
      if (this.v.kind === "once") { this.preview = null; return; }
      this.timer = setTimeout(() => this.$emit("preview", this.q.token, { ...this.v }), 250);
    },
    async pick(event, f) {
      const file = event.target.files[0];
      event.target.value = "";
      if (!file) return;
      this.sending = true;
      const form = new FormData();
      form.append("file", file);
      try {
        const answer = await fetch("/admin/store", { method: "POST", body: form }), found = await answer.json();
        if (answer.ok) { this.v[f.name] = found.id; this.picked = file.name; } else this.fields = { [f.name]: found.problem };
      } catch { this.fields = { [f.name]: "The file could not be sent." }; }
      this.sending = false;
    },
    close() { this.busy = false; if (this.$refs.box.open) this.$refs.box.close(); },
  },
};
