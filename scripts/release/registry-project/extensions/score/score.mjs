export const score = (values) => values.reduce((sum, value) => sum + value, 0);
