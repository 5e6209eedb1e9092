// Tells one story: its steps with the time they ended at, and a picture where it failed. The only argument of every
// story is a JSON file: {tools, home, project, shots}.
import fs from 'node:fs';
import { Workbench } from './workbench.mjs';

export async function story(tell, options = {}) {
  const bed = new Workbench({ ...JSON.parse(fs.readFileSync(process.argv[2], 'utf8')), ...options });
  const began = performance.now();
  const step = async (title, work) => {
    await work();
    console.log(`ok ${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${title}`);
  };
  try {
    await tell(bed, step);
  } catch (error) {
    console.log(`not ok: ${error.stack}`);
    await bed.shot('failure').catch(() => undefined);
    process.exitCode = 1;
  } finally {
    await bed.close();
  }
}
