globalThis.validate = ({ email }) => ({ ok: email.includes("@") });
