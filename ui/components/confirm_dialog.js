// One question before something is done that cannot be undone; the browser's own dialog keeps focus and Escape right.
import { parse } from "taskcast-ui";
export default {
  template: `<dialog class="dlg" ref="box" aria-labelledby="dlg-title" @cancel="answer(false)" @click.self="answer(false)"><form method="dialog" @submit.prevent="answer(true)">
    <div class="dlg-b"><h3 id="dlg-title">{{ q.title }}</h3><p v-for="(t, i) in q.text" :key="i">{{ t }}</p><label v-if="q.reason"><span>{{ q.reason }}</span><input class="txt" v-model="reason" maxlength="300" ref="reason"></label></div>
    <div class="dlg-f"><button type="button" class="btn" @click="answer(false)">{{ q.no || 'Back' }}</button><button type="submit" class="btn" :class="q.danger ? 'danger' : 'primary'" ref="yes" data-testid="confirm">{{ q.yes }}</button></div>
  </form></dialog>`,
  emits: ["answer"],
  data: () => ({ q: { text: [] }, reason: "" }),
  methods: {
    patch(text) { this.q = parse(text); this.reason = ""; this.$nextTick(() => { if (!this.$refs.box.open) this.$refs.box.showModal(); (this.$refs.reason || this.$refs.yes).focus(); }); },
    answer(yes) { if (this.$refs.box.open) this.$refs.box.close(); if (yes) this.$emit("answer", this.q.token, this.reason.trim()); },
  },
};
