// What stays the same between two collections from a machine that nobody changes: counters, timers and clocks taken out.

export function isVolatileFile(path: string): boolean {
  return /(?:^waylaid\.json|\/clock\.json|\/nstat\.json|\/kernel\.log|\/conntrack\.txt)$/.test(path);
}

export function steadyText(text: string): string {
  return text
    .replace(/"stats64":\{.*?\}\}/g, '')
    .replace(/"(?:used|confirmed|updated|expires|valid_life_time|preferred_life_time)":\d+/g, '')
    .replace(/"\w+_timer":[\d.]+/g, '')
    .replace(/^# (?:Generated|Completed).*$/gm, '')
    .replace(/\[\d+:\d+\]/g, '')
    .replace(/^.*nf_conntrack_count.*$/gm, '');
}
