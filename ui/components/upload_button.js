// A bank statement from this computer: sent with a moving bar, then it is a job.
import { Icon } from "taskcast-ui";
export default {
  components: { Icon },
  template: `<button class="btn primary up" type="button" :disabled="sent !== null" :title="'CSV, up to ' + Math.round(most / 1048576) + ' MB'" @click="$refs.file.click()"><Icon :name="sent === null ? 'upload' : 'loader-circle'" :class="{spin: sent !== null}"/><span>{{ sent === null ? 'Import statement' : sent < 1 ? 'Sending ' + Math.floor(sent * 100) + '%' : 'Starting…' }}</span><input ref="file" type="file" hidden accept=".csv,.txt,.tsv,text/csv,text/plain" data-testid="statement" @change="send" @click.stop></button>`,
  props: { url: String, most: Number },
  emits: ["done", "failed"],
  data: () => ({ sent: null }),
  methods: {
    send(event) {
      const file = event.target.files[0];
      event.target.value = "";
      if (!file) return;
      if (file.size > this.most) return this.$emit("failed", `The file is larger than ${Math.round(this.most / 1048576)} MB.`);
      const form = new FormData(), request = new XMLHttpRequest();
      form.append("file", file);
      this.sent = 0;
      request.open("POST", this.url);
      request.responseType = "json";
      request.upload.onprogress = (e) => { if (e.lengthComputable) this.sent = Math.min(1, e.loaded / e.total); };
      request.onload = () => { this.sent = null; const a = request.response || {}; if (request.status < 300 && a.job) this.$emit("done", a.job); else this.$emit("failed", a.problem || "The file could not be sent."); };
      request.onerror = () => { this.sent = null; this.$emit("failed", "The connection was lost while the file was sent. Nothing was imported; send it again."); };
      request.send(form);
    },
  },
};
