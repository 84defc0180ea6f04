// The slide-over beside the page: Escape and a click beside it close it, Back on a phone too; its job is in the URL.
import { parse } from "taskcast-ui";
export default {
  template: `<div><div class="scrim" :class="{open: job}" @click="close"></div><aside class="panel" :class="{open: job}" role="dialog" aria-modal="true" aria-label="Job details" tabindex="-1" ref="panel" :inert="!job"><slot></slot></aside></div>`,
  props: { initial: String },
  emits: ["close"],
  data: () => ({ job: null }),
  mounted() { document.addEventListener("keydown", this.key); this.onClose = () => this.close(); window.addEventListener("taskcast:close", this.onClose); if (this.initial) this.patch(this.initial); },
  unmounted() { document.removeEventListener("keydown", this.key); window.removeEventListener("taskcast:close", this.onClose); this.hold(false); },
  methods: {
    patch(text) {
      const { job } = parse(text);
      if (job === this.job) return;
      if (job && !this.job) this.before = document.activeElement;
      this.job = job;
      this.hold(!!job);
      const url = new URL(location.href);
      if (job && url.searchParams.get("job") !== job) { url.searchParams.set("job", job); this.go("pushState", url); }
      if (job) this.$nextTick(() => this.$refs.panel.focus({ preventScroll: true }));
      else this.before?.focus?.({ preventScroll: true });
    },
    go(how, url) { const page = url.pathname.slice((window.path_prefix || "").length) + url.search; history[how]({ page, panel: how === "pushState" }, "", url); },
    hold(open) { const shell = document.querySelector(".shell"); if (shell) shell.inert = open; window.dispatchEvent(new CustomEvent("taskcast:selected", { detail: open ? this.job : null })); },
    close() {
      if (!this.job) return;
      this.job = null;
      this.hold(false);
      this.before?.focus?.({ preventScroll: true });
      const url = new URL(location.href);
      if (history.state?.panel) history.back();
      else if (url.searchParams.has("job")) { url.searchParams.delete("job"); this.go("replaceState", url); }
      this.$emit("close");
    },
    key(event) { if (event.key === "Escape" && this.job && !document.querySelector("dialog[open]")) { event.preventDefault(); this.close(); } },
  },
};
