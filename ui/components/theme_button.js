// Light or dark with one click; the menu also knows "auto".
import { Icon } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<button class="ib hide-m" type="button" :aria-label="dark ? 'Use the light theme' : 'Use the dark theme'" :title="dark ? 'Light theme' : 'Dark theme'" data-testid="theme" @click="turn"><Icon :name="dark ? 'sun' : 'moon'"/></button>`,
  data: () => ({ dark: document.documentElement.dataset.theme === "dark" }),
  mounted() { this.seen = new MutationObserver(() => (this.dark = document.documentElement.dataset.theme === "dark")); this.seen.observe(document.documentElement, { attributeFilter: ["data-theme"] }); },
  unmounted() { this.seen.disconnect(); },
  methods: { turn() { localStorage.setItem("taskcast-theme", this.dark ? "light" : "dark"); window.taskcastTheme(); window.dispatchEvent(new CustomEvent("taskcast:theme")); } },
};
