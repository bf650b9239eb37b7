// SPDX-License-Identifier: MIT
'use strict';

// Run with --expose-gc, and with the addon's path in COLOOP_ADDON.
const assert = require('node:assert');
const { execFileSync, spawnSync } = require('node:child_process');
const http = require('node:http');
const net = require('node:net');
const { once, setMaxListeners } = require('node:events');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const home = require('node:path').join(__dirname, '../../../apps/node');
const coloop = require(home);

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

// Runs a program in a Node of its own; returns its exit code and what it printed.
function runProgram(source) {
  const program = `const coloop = require(${JSON.stringify(home)});\n${source}`;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 60000,
  });
  return { status, signal, stdout, stderr };
}

test('a Promise resolves when its coroutine has ended', async () => {
  const order = [];
  await Promise.all([
    coloop.sleep(30).then(() => order.push('late')),
    coloop.sleep(0).then(() => order.push('soon')),
  ]);
  assert.deepStrictEqual(order, ['soon', 'late']);
  assert.strictEqual(coloop.pending(), 0);
});

test('fetches from a server of Node, on the same loop', async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(request.url === '/hello' ? 200 : 404, { 'content-length': 5 });
    response.end('hello');
  });
  const port = await listen(server);
  assert.deepStrictEqual(await coloop.fetch('127.0.0.1', port, '/hello'), {
    status: 200,
    body: 'hello',
  });
  assert.strictEqual((await coloop.fetch('localhost', port, '/nothing')).status, 404);
  server.close();
});

test('an Error has the system\'s code, and words', async () => {
  const server = net.createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  await assert.rejects(coloop.fetch('127.0.0.1', port), {
    code: 'ECONNREFUSED',
    message: `connect 127.0.0.1:${port}: connection refused`,
  });
});

test('serves clients of Node, with a handler in JavaScript', async () => {
  const server = await coloop.serve(0, (line) => line.toUpperCase());
  const client = net.connect(server.port, '127.0.0.1');
  client.write('hello\nwor');
  client.write('ld\n');
  let answer = '';
  for await (const chunk of client) {
    answer += chunk;
    if (answer.endsWith('WORLD\n')) {
      break;
    }
  }
  assert.strictEqual(answer, 'HELLO\nWORLD\n');
  client.destroy();
  await server.close();
  assert.strictEqual(coloop.pending(), 0);
  await assert.rejects(coloop.fetch('127.0.0.1', server.port), { code: 'ECONNREFUSED' });
});

test('a handler that throws ends its connection, and no other', async () => {
  const server = await coloop.serve(0, (line) => {
    if (line === 'throw') {
      throw new Error('a mistake');
    }
    return line;
  });
  const bad = net.connect(server.port, '127.0.0.1').resume();
  bad.write('throw\n');
  await once(bad, 'end');
  const good = net.connect(server.port, '127.0.0.1');
  good.write('fine\n');
  const [answer] = await once(good, 'data');
  assert.strictEqual(String(answer), 'fine\n');
  good.destroy();
  await server.close();
});

test('a port that is taken rejects', async () => {
  const server = await coloop.serve(0, (line) => line);
  await assert.rejects(coloop.serve(server.port, (line) => line), { code: 'EADDRINUSE' });
  await server.close();
});

test('an AbortSignal cancels the coroutine, wherever it waits', async () => {
  // A connect that is cancelled resets what it had got that far.
  const silent = net.createServer((client) => client.on('error', () => {}));
  const port = await listen(silent);
  for (const start of [
    (options) => coloop.sleep(3600000, options),
    (options) => coloop.fetch('127.0.0.1', port, '/', options),
  ]) {
    const controller = new AbortController();
    const promise = start({ signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await assert.rejects(promise, { name: 'AbortError' });

    const reason = new Error('changed my mind');
    await assert.rejects(start({ signal: AbortSignal.abort(reason) }), reason);

    const early = new AbortController();
    const rejected = start({ signal: early.signal });
    early.abort(reason); // before its coroutine has run
    await assert.rejects(rejected, reason);

    const late = new AbortController();
    await coloop.sleep(0, { signal: late.signal });
    late.abort(); // has no effect
  }
  assert.strictEqual(coloop.pending(), 0);
  silent.close();
});

test('10,000 operations with garbage collection in between leave nothing', async () => {
  assert.ok(global.gc, 'run node with --expose-gc');
  const round = async () => {
    for (let batch = 0; batch < 2; batch += 1) {
      const controller = new AbortController();
      const some = [];
      setMaxListeners(0, controller.signal);
      for (let i = 0; i < 500; i += 1) {
        const signal = i % 4 === 0 ? controller.signal : undefined;
        some.push(coloop.sleep(i % 4 === 0 ? 3600000 : i % 3, { signal }).catch(() => {}));
      }
      global.gc();
      setImmediate(() => controller.abort());
      await Promise.all(some);
    }
  };
  await round();
  global.gc();
  const before = process.memoryUsage();
  for (let i = 0; i < 9; i += 1) {
    await round();
  }
  global.gc();
  const after = process.memoryUsage();
  assert.strictEqual(coloop.pending(), 0);
  assert.ok(after.heapUsed - before.heapUsed < 1 << 20, `heap: ${before.heapUsed} ${after.heapUsed}`);
  assert.ok(after.rss - before.rss < 16 << 20, `rss: ${before.rss} ${after.rss}`);
});

test('a process ends when nothing is pending, with its own exit code', () => {
  const quiet = runProgram('coloop.sleep(5).then(() => { console.log("slept"); process.exitCode = 7; });');
  assert.deepStrictEqual(quiet, { status: 7, signal: null, stdout: 'slept\n', stderr: '' });
  const idle = runProgram('process.exitCode = 3;');
  assert.deepStrictEqual(idle, { status: 3, signal: null, stdout: '', stderr: '' });
});

test('process.exit while coroutines wait gives that code', () => {
  const { status, signal, stderr } = runProgram(`
    coloop.sleep(3600000);
    coloop.serve(0, (line) => line).then(() => process.exit(4));
  `);
  assert.deepStrictEqual({ status, signal, stderr }, { status: 4, signal: null, stderr: '' });
});

test('an exception of the program while coroutines wait ends it as without them', () => {
  const { status, signal, stderr } = runProgram(`
    coloop.sleep(3600000);
    coloop.sleep(1).then(() => { throw new Error('of the program'); });
  `);
  assert.strictEqual(status, 1);
  assert.strictEqual(signal, null);
  assert.match(stderr, /of the program/);
});

const worker = `
  const { parentPort } = require('node:worker_threads');
  const coloop = require(${JSON.stringify(home)});
`;

test('workers have coroutines of their own, which work at the same time', async () => {
  const workers = Array.from({ length: 4 }, () => new Worker(`${worker}
    Promise.all(Array.from({ length: 200 }, (_, i) => coloop.sleep(i % 5)))
      .then(() => parentPort.postMessage(coloop.pending()));
  `, { eval: true }));
  const ends = workers.map((one) => once(one, 'exit'));
  const messages = await Promise.all(workers.map((one) => once(one, 'message')));
  assert.deepStrictEqual(messages.flat(), [0, 0, 0, 0]);
  assert.deepStrictEqual((await Promise.all(ends)).flat(), [0, 0, 0, 0]);
});

test('a worker that is terminated while its coroutines wait is gone', async () => {
  for (let i = 0; i < 5; i += 1) {
    const one = new Worker(`${worker}
      coloop.sleep(3600000);
      coloop.serve(0, (line) => line).then(({ port }) => {
        coloop.fetch('127.0.0.1', port);
        parentPort.postMessage(port);
      });
    `, { eval: true });
    const [port] = await once(one, 'message');
    assert.strictEqual(await one.terminate(), 1);
    await assert.rejects(coloop.fetch('127.0.0.1', port), { code: 'ECONNREFUSED' });
  }
});

test('a worker that ends while its coroutines wait keeps its exit code', async () => {
  const one = new Worker(`${worker}
    coloop.sleep(3600000);
    setImmediate(() => process.exit(6));
  `, { eval: true });
  assert.deepStrictEqual(await once(one, 'exit'), [6]);
});

test('the addon runs on the libuv that Node has, whatever version it was built with', (context) => {
  const needed = execFileSync('readelf', ['-d', process.env.COLOOP_ADDON], { encoding: 'utf8' });
  assert.match(needed, /NEEDED/);
  assert.doesNotMatch(needed, /NEEDED.*libuv/);
  const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8');
  const shared = process.config.variables.node_shared_libuv === true;
  assert.strictEqual(/libuv\.so/.test(maps), shared);
  assert.strictEqual(coloop.libuv.running, process.versions.uv);
  assert.match(coloop.libuv.built, /^1\.\d+\.\d+$/);
  context.diagnostic(`built with ${coloop.libuv.built}, runs on ${coloop.libuv.running}`);
});
