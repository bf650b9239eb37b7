// SPDX-License-Identifier: MIT
'use strict';

// Where the build put the addon; the package has it beside this file.
const native = require(process.env.COLOOP_ADDON ?? './coloop.node');

// Lets an AbortSignal cancel the coroutine behind a Promise.
function cancellable(signal, start) {
  if (signal?.aborted) {
    return Promise.reject(signal.reason);
  }
  const { id, promise } = start();
  if (!signal) {
    return promise;
  }
  const abort = () => native.cancel(id);
  signal.addEventListener('abort', abort, { once: true });
  return promise
    .catch((error) => {
      throw error.code === 'ABORT_ERR' ? signal.reason : error;
    })
    .finally(() => signal.removeEventListener('abort', abort));
}

/** Resolves after that many milliseconds. */
function sleep(milliseconds, { signal } = {}) {
  return cancellable(signal, () => native.sleep(milliseconds));
}

/** Resolves to { status, body }. */
function fetch(host, port, path = '/', { signal } = {}) {
  return cancellable(signal, () => native.fetch(host, port, path));
}

/**
 * Serves TCP on 127.0.0.1: each line that a client sends is answered with what handler(line)
 * returns, a string. Resolves to { port, close }; close() ends it and resolves when it has ended.
 */
function serve(port, handler) {
  return new Promise((resolve, reject) => {
    let ended;
    const listening = (chosen) => {
      const close = () => {
        native.cancel(id);
        return ended;
      };
      resolve({ port: Number(chosen), close });
    };
    const { id, promise } = native.serve(port, handler, listening);
    ended = promise.catch((error) => {
      reject(error);
      if (error.code !== 'ABORT_ERR') {
        throw error;
      }
    });
    ended.catch(() => {});
  });
}

module.exports = { sleep, fetch, serve, pending: native.pending, libuv: native.libuv };
