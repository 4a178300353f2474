"""Files over SSH: SFTP protocol version 3, and the older protocol of scp."""
