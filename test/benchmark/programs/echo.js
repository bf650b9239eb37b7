// SPDX-License-Identifier: MIT
'use strict';

const server = require('net').createServer({ noDelay: true }, (client) => {
    client.on('data', (data) => client.write(data));
    client.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1', 4096, () => console.log('port', server.address().port));
