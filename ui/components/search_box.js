// The search in the head of every page: "/" goes there, Enter searches or opens the job whose id was typed.
import { Icon } from "taskcast-ui";
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export default {
  components: { Icon },
  template: `<label class="cmd" role="search"><Icon name="search"/><input ref="input" type="search" aria-label="Search jobs" placeholder="Search jobs…" autocomplete="off" spellcheck="false" enterkeyhint="search" @keydown.enter="go" @keydown.esc.stop="leave"><kbd aria-hidden="true">/</kbd></label>`,
  emits: ["go"],
  mounted() { document.addEventListener("keydown", this.key); },
  unmounted() { document.removeEventListener("keydown", this.key); },
  methods: {
    key(event) {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      this.$refs.input.focus();
      this.$refs.input.select();
    },
    go() { const text = this.$refs.input.value.trim(); if (!text) return; this.$emit("go", ID.test(text) ? { job: text } : { q: text }); this.leave(); },
    leave() { this.$refs.input.value = ""; this.$refs.input.blur(); },
  },
};
