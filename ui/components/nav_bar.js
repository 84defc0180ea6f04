// The pages: a column beside the page on a desk, a bar below it on a phone.
import { Icon, parse } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<nav :class="bar ? 'tabbar' : ''" aria-label="Pages">
    <a v-for="i in items" :key="i.path" :href="i.path" :class="[bar ? '' : 'nav', {on: i.path === on}]" :aria-current="i.path === on ? 'page' : undefined"><Icon :name="i.icon"/><span>{{ i.label }}</span><span v-if="!bar && counts[i.key]" class="cnt">{{ counts[i.key] }}</span></a>
    <slot></slot>
  </nav>`,
  props: { items: Array, bar: Boolean, initial: String },
  data() { return { on: "", counts: {} }; },
  created() { this.patch(this.initial); },
  methods: { patch(text) { Object.assign(this, parse(text)); } },
};
