// Who is signed in, the theme (kept by this browser), and the way out: a form, so that it works without a socket.
import { Icon } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<div class="me" @keydown.esc.stop="close" @focusout="left">
    <div v-if="open" class="menu" role="menu" aria-label="Account" ref="menu">
      <div class="menu-h"><b>{{ name }}</b><small>{{ email }}</small><small>{{ role }}</small></div>
      <div class="menu-l" id="theme-label">Theme</div>
      <div class="seg" role="group" aria-labelledby="theme-label"><button v-for="t in themes" :key="t[0]" type="button" :aria-pressed="String(theme === t[0])" :data-theme-choice="t[0]" @click="choose(t[0])"><Icon :name="t[2]"/>{{ t[1] }}</button></div>
      <form method="post" :action="signOut" @submit="hush"><button class="menu-i" role="menuitem" data-testid="sign-out"><Icon name="log-out"/>Sign out</button></form>
    </div>
    <button v-if="bar" type="button" class="tab" :aria-expanded="String(open)" aria-haspopup="menu" @click="open = !open"><Icon name="user"/><span>Account</span></button>
    <button v-else type="button" class="me-b" :aria-expanded="String(open)" aria-haspopup="menu" ref="button" @click="open = !open"><span class="ava" aria-hidden="true">{{ initials }}</span><span class="me-t"><b>{{ name }}</b><small>{{ role }}</small></span><Icon name="chevrons-up-down" style="color: var(--faint)"/></button>
  </div>`,
  props: { name: String, email: String, role: String, signOut: String, bar: Boolean },
  data: () => ({ open: false, theme: localStorage.getItem("taskcast-theme") || "auto", themes: [["light", "Light", "sun"], ["dark", "Dark", "moon"], ["auto", "Auto", "monitor"]] }),
  computed: { initials() { const words = this.name.split(/[\s@._-]+/).filter(Boolean); return ((words[0]?.[0] || "?") + (words[1]?.[0] || "")).toUpperCase(); } },
  mounted() { document.addEventListener("pointerdown", this.outside); window.addEventListener("taskcast:theme", this.told); },
  unmounted() { document.removeEventListener("pointerdown", this.outside); window.removeEventListener("taskcast:theme", this.told); },
  methods: {
    choose(theme) { localStorage.setItem("taskcast-theme", theme); window.taskcastTheme(); window.dispatchEvent(new CustomEvent("taskcast:theme")); },
    hush() { window.socket?.disconnect(); },   // this page is leaving already; being sent away would cut its request off
    told() { this.theme = localStorage.getItem("taskcast-theme") || "auto"; },
    close() { this.open = false; this.$refs.button?.focus(); },
    outside(event) { if (!this.$el.contains(event.target)) this.open = false; },
    left(event) { if (event.relatedTarget && !this.$el.contains(event.relatedTarget)) this.open = false; },
  },
};
