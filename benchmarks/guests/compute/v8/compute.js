function integers({ n }) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) % 65521;
  return sum;
}

function sort({ n }) {
  const list = [];
  let seed = 1;
  for (let i = 0; i < n; i++) {
    seed = (seed * 69069 + 1) % 1000003;
    list.push(seed);
  }
  list.sort((a, b) => a - b);
  return list[0] + list[n >> 1] + list[n - 1];
}

function text({ n }) {
  let all = "";
  for (let i = 0; i < n; i++) all += `${i},`;
  return all.length;
}

function pattern({ n }) {
  let lines = "";
  for (let i = 0; i < n; i++) lines += `user ${i} writes from u.${i}@host-${i % 7}.example to nobody@nowhere\n`;
  let count = 0;
  for (const _ of lines.matchAll(/[a-z0-9._]+@[a-z0-9-]+\.[a-z]+/g)) count++;
  return count;
}
