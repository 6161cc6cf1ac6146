// A line of a CHANGELOG: what a changeset says. The packages have one version, so that a list of updated dependencies would tell nothing.
module.exports = {
  getReleaseLine: async ({ summary }) => {
    const [first, ...rest] = summary.trim().split("\n");
    return `- ${first}${rest.map((line) => (line === "" ? "\n" : `\n  ${line}`)).join("")}`;
  },
  getDependencyReleaseLine: async () => "",
};
