"""The frames of the protocol as they stand on the wire, one of each kind, from the design."""

CLIENT = {
    "hello": '{"id":1,"hello":{"ticket":"a ticket"}}',
    "hello of a program": '{"id":1,"hello":{}}',
    "refresh": '{"id":5,"refresh":{"token":"a token"}}',
    "unsub": '{"id":4,"unsub":{"sub":"s1"}}',
    "pong": '{"pong":7}',
    "sub": (
        '{"id":2,"sub":{"topic":"jobs","filter":{"status":["running"],"queue":["imports"]},'
        '"pos":"1760000000123456","limit":50}}'
    ),
    "sub of a job": '{"id":3,"sub":{"topic":"job:0198","tail":20}}',
}

SERVER = {
    "hello": (
        '{"id":1,"ok":{"session":"a","server":"b","ping_s":25.0,'
        '"limits":{"subs":64,"msg_bytes":65536,"queue_bytes":1048576}}}'
    ),
    "sub": '{"id":2,"ok":{"sub":"s1","resumed":false,"pos":"1760000000123456"}}',
    "snap": '{"s":"s1","snap":{"items":[{"id":"0198"}],"last":true},"pos":"1760000000123456"}',
    "snap of a job": '{"s":"s2","snap":{"job":{"id":"0198"},"logs":[],"last":true},"pos":"1760000000123456"}',
    "ev": (
        '{"s":"s1","ev":{"type":"job.progressed","seq":1760000000223456,"at":1760000000223,"job":"0198",'
        '"attempt":1,"data":{"percentage":40}},"pos":"1760000000223456"}'
    ),
    "mark": '{"s":"s1","mark":{},"pos":"1760000000223456"}',
    "gap": ('{"s":"s2","gap":{"job":"0198","attempt":1,"from_line":812,"to_line":990,"reason":"slow_consumer"}}'),
    "set": '{"s":"s3","set":[{"name":"imports"}]}',
    "del": '{"s":"s3","del":["imports"]}',
    "err": '{"id":3,"err":{"code":"forbidden","message":"no","temporary":false}}',
    "ping": '{"ping":7}',
    "bye": '{"bye":{"code":4201,"reason":"shutdown","retry_ms":1500}}',
}
