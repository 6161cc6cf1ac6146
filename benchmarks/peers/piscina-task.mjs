import { validate } from "../../fixtures/validate-email/native/validate.mjs";

export default (payload) => JSON.stringify(validate(JSON.parse(payload)));
