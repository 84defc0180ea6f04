// Both halves of the way: this page to the dashboard (known here), the dashboard to the gateway (told by patch).
import { link } from "taskcast-ui";
const OFFLINE_MS = 20000;
const TEXT = {
  live: ["Live", "Everything is connected; changes appear by themselves."],
  browser: ["Reconnecting…", "This page has lost the dashboard. It tries again by itself; what you see may be old."],
  gateway: ["Reconnecting…", "The dashboard has lost the gateway. It tries again by itself; what you see may be old."],
  offline: ["Offline", "The dashboard cannot be reached from here. The page comes back by itself as soon as it can."],
  away: ["Offline", "The gateway cannot be reached. The page comes back by itself as soon as it can."],
};
export default {
  template: `<span class="live" :class="look" role="status" :title="words[1]" :data-link="state"><i aria-hidden="true"></i><span>{{ words[0] }}</span><span class="vh">. {{ words[1] }}</span></span>`,
  props: { initial: String },
  data() { return { browser: "live", gateway: this.initial || "reconnecting" }; },
  computed: {
    state() {
      if (this.browser === "offline") return "offline";
      if (this.browser !== "live") return "browser";
      return { live: "live", offline: "away" }[this.gateway] || "gateway";
    },
    words() { return TEXT[this.state]; },
    look() { return { live: "s-live", offline: "s-off", away: "s-off" }[this.state] || "s-wait"; },
  },
  watch: { state: { immediate: true, handler(state) { document.documentElement.dataset.link = state === "live" ? "live" : "stale"; link.browser = this.browser; link.gateway = this.gateway; } } },
  mounted() { this.attach(); window.addEventListener("offline", this.lost); },
  unmounted() { clearTimeout(this.timer); window.removeEventListener("offline", this.lost); },
  methods: {
    patch(gateway) { this.gateway = gateway; },
    attach() {
      if (!window.socket) return void setTimeout(this.attach, 30);
      if (window.socket.connected) this.found();
      window.socket.on("connect", this.found);
      window.socket.on("disconnect", this.lost);
      // NiceGUI reloads on a refused handshake, also into an error page; reload only when the server answers.
      window.socket.off("connect_error");
      window.socket.on("connect_error", (error) => { this.lost(); if (/handshake/i.test(error.message)) this.reload(); else this.session(); });
    },
    found() { clearTimeout(this.timer); this.browser = "live"; },
    lost() {
      if (this.browser === "live") this.browser = "reconnecting";
      clearTimeout(this.timer);
      this.timer = setTimeout(() => (this.browser = "offline"), OFFLINE_MS);
    },
    async session() {   // a refused socket looks like a lost one: is there a session still?
      const answer = await fetch("/admin/session", { cache: "no-store" }).catch(() => null);
      if (answer?.status === 401) location.replace("/admin/sign-in?ended=1&next=" + encodeURIComponent(location.pathname + location.search));
      return !!answer?.ok;
    },
    async reload() {
      if (this.reloading) return;
      this.reloading = true;
      while (!(await this.session())) await new Promise((done) => setTimeout(done, 1000));
      location.reload();
    },
  },
};
