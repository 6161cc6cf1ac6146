// Attempts in the toy language. Its guests can say nothing but verbs, so they look for one that the host would regret.
const attempt = (name, code) => ({
  name,
  language: "toy",
  guest: () => ({ module: "guest.toy", exports: ["attempt"], files: { "guest.toy": code } }),
});

export const escapes = [
  attempt("a verb of the host", "attempt = constructor"),
  attempt("a verb of the prototype", "attempt = __proto__"),
  attempt("the argument back", "attempt = value"),
  attempt("an error that carries the argument", "attempt = refuse"),
  ...["callSecret", "failInHost", "echoInHost"].map((verb) => ({
    ...attempt(`host functions: ${verb}`, `attempt = ${verb}`),
    permissions: ["kit.echo", "kit.later", "kit.fail"],
  })),
];
