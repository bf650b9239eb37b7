// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net"
)

func serve(client net.Conn) {
	defer client.Close()
	buffer := make([]byte, 16*1024)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func echo() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, "there is a port")
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(client)
	}
}
